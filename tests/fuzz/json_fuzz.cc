// SPDX-License-Identifier: Apache-2.0
//
// What is accepted survives a round trip, and reading only some members accepts the same texts.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/escape.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = kintsugi::parse_json_document(text);
  constexpr std::string_view kKeys[] = {"a"};
  const auto members = kintsugi::parse_json_members(text, kKeys);
  if (document && !members) std::abort();
  if (!document) {
    if (members && document.error().code != kintsugi::ErrorCode::kTooLarge) std::abort();
    if (!kintsugi::is_utf8(document.error().message)) std::abort();
    return 0;
  }
  const auto value = kintsugi::to_json(*document);
  if (!value) return 0;
  const auto again = kintsugi::parse_json(value->dump());
  if (!again || *again != *value) std::abort();
  return 0;
}
