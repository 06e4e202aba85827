// SPDX-License-Identifier: Apache-2.0
//
// ClusterImagePolicies as YAML and JSON: no crash, whatever is written is accepted by the TrustPolicies' own
// loader, and remarks are one line each.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "trust/import/policy_import.h"
#include "trust/policy/trust_policy.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

void check(const std::vector<Node>& documents) {
  const auto imported = import_cluster_image_policies(documents);
  if (!imported) {
    if (imported.error().code == ErrorCode::kInternal) std::abort();
    return;
  }
  for (const ImportRemark& remark : imported->remarks) {
    if (remark.to_string().find('\n') != std::string::npos) std::abort();
  }
  for (const nlohmann::json& document : imported->documents) {
    ProblemList problems("fuzz");
    const TrustPolicySpec spec = parse_trust_policy(from_json(document), problems);
    if (!problems.empty() || spec.images.empty() || spec.authorities.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto documents = parse_yaml_documents(text)) check(*documents);
  if (const auto document = parse_json_document(text)) check({*document});
  return 0;
}
