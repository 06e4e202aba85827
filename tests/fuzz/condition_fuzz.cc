// SPDX-License-Identifier: Apache-2.0
//
// Conditions, the first line, over a document, the rest: no crash, no hang, and the same answer twice.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "trust/attestation/condition.h"

using namespace kintsugi;
using namespace kintsugi::trust;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(input.find('\n'), input.size());
  const auto condition = Condition::parse(input.substr(0, line));
  if (!condition) return 0;
  const auto document = parse_json_document(input.substr(std::min(line + 1, size)));
  const Node predicate = document ? *document : Node();
  const Node subject;
  const Bindings bindings{predicate, "https://example.com/t", subject, WallTime()};
  const auto once = condition->evaluate(bindings);
  const auto again = Condition::parse(condition->text())->evaluate(bindings);
  if (once != again) std::abort();
  return 0;
}
