// SPDX-License-Identifier: Apache-2.0
//
// TrustPolicies as YAML and JSON: no crash, and a policy without problems selects something and has
// authorities.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "trust/policy/trust_policy.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

void check(const Result<Node>& document) {
  if (!document) return;
  ProblemList problems("fuzz");
  const TrustPolicySpec spec = parse_trust_policy(*document, problems);
  for (const Problem& problem : problems.all()) (void)problem.to_string();
  if (problems.empty() && (spec.images.empty() || spec.authorities.empty())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(parse_yaml_document(text));
  check(parse_json_document(text));
  return 0;
}
