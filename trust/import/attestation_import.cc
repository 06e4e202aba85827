// SPDX-License-Identifier: Apache-2.0
#include "trust/import/attestation_import.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "trust/attestation/attestation_rule.h"
#include "trust/attestation/predicate_type.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxAttestations = 16;
constexpr TextLimits kPolicyLimits{.max_bytes = 1u << 20};

std::string_view trim(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

/// `predicateType: "URI"` and nothing else, which every attestation of that type fulfils.
bool says_predicate_type_only(std::string_view cue, std::string_view predicate_type) {
  constexpr std::string_view kField = "predicateType:";
  cue = trim(cue);
  if (!cue.starts_with(kField)) return false;
  cue = trim(cue.substr(kField.size()));
  // A backslash would be an escape.
  return predicate_type.find('\\') == std::string_view::npos &&
         cue == "\"" + std::string(predicate_type) + "\"";
}

void read_policy(const Node& node, const std::string& path, std::string_view predicate_type,
                 ProblemList& problems) {
  ObjectReader reader(node, path,
                      {"type", "data", "remote", "configMapRef", "fetchConfigFile", "includeSpec",
                       "includeObjectMeta", "includeTypeMeta"},
                      problems);
  std::string type, data;
  reader.string("type", type);
  reader.string("data", data, Presence::kOptional, kPolicyLimits);
  if (type == "cue" && node.members.size() == 2 && says_predicate_type_only(data, predicate_type)) return;
  problems.add(node.position, path, "a policy in CUE or Rego does not carry over",
               "write it by hand as `conditions` of the TrustPolicy's attestation, in CEL");
}

}  // namespace

std::string_view predicate_type_there(std::string_view text) {
  const std::string_view uri = predicate_type_of_name(text);
  return uri.empty() ? text : uri;
}

std::vector<ImportedAttestation> read_attestations(const Node& list, const std::string& path,
                                                   ProblemList& problems) {
  std::vector<ImportedAttestation> out;
  if (list.items.size() > kMaxAttestations)
    problems.add(list.position, path, fmt::format("more than {} attestations", kMaxAttestations));
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    const Node& item = list.items[i];
    ObjectReader reader(item, join_path(path, i), {"name", "predicateType", "policy"}, problems);
    ImportedAttestation& one = out.emplace_back();
    reader.string("name", one.name);
    reader.string("predicateType", one.predicate_type, Presence::kRequired);
    one.predicate_type = predicate_type_there(one.predicate_type);
    ProblemList here("");
    read_attestation_rule(from_json({{"predicateType", one.predicate_type}}), reader.path(), here);
    if (!here.empty()) reader.report("predicateType", "neither a URI nor a name that cosign has");
    if (const Node* policy = reader.object("policy"))
      read_policy(*policy, reader.path_of("policy"), one.predicate_type, problems);
  }
  return out;
}

}  // namespace kintsugi::trust
