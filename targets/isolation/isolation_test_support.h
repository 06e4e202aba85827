// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "targets/isolation/isolation_proof.h"

namespace kintsugi::isolation {

/// Makes catch print what the value says about itself.
inline std::ostream& operator<<(std::ostream& out, const Allowance& allowance) {
  return out << allowance.to_string();
}
inline std::ostream& operator<<(std::ostream& out, const Limit& limit) {
  return out << to_string(limit.code) << ": " << limit.message;
}

/// "namespace/name" with this JSON as its spec, as the API server would serve it.
inline NetworkPolicy make_policy(const std::string& name_space, const std::string& name,
                                 const std::string& spec) {
  const auto policy = parse_network_policy(R"({"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy",)"
                                           R"("metadata":{"namespace":")" +
                                           name_space + R"(","name":")" + name + R"(","uid":"uid-)" + name +
                                           R"(","resourceVersion":"7"},"spec":)" + spec + "}");
  INFO((policy ? "" : policy.error().to_string()));
  REQUIRE(policy);
  return *policy;
}

inline NetworkPolicy standing_policy(const std::string& name_space) {
  const auto policy = parse_network_policy(quarantine_policy_manifest(name_space, "kintsugi-quarantine"));
  REQUIRE(policy);
  return *policy;
}

inline IsolationProof prove(const Victim& victim, const std::vector<NetworkPolicy>& policies,
                            const NetworkFacts& network = {}) {
  std::vector<const NetworkPolicy*> pointers;
  for (const NetworkPolicy& policy : policies) pointers.push_back(&policy);
  return prove_isolation(victim, {pointers, {}}, network);
}

}  // namespace kintsugi::isolation
