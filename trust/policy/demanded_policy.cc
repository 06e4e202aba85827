// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/demanded_policy.h"

#include <algorithm>

namespace kintsugi::trust {

std::optional<std::string> lack_of(const std::string& policy, std::span<const TrustPolicy> all,
                                   const std::function<bool(const TrustPolicySpec&)>& selects) {
  const auto named = std::find_if(
      all.begin(), all.end(), [&](const TrustPolicy& candidate) { return candidate.spec.name == policy; });
  if (named == all.end()) return "there is no such TrustPolicy, and the playbook demands it";
  if (named->spec.mode == TrustPolicySpec::Mode::kWarn)
    return "the TrustPolicy that the playbook demands is in mode warn, and accepts nothing";
  if (!selects(named->spec)) return "the TrustPolicy that the playbook demands does not select this image";
  return std::nullopt;
}

}  // namespace kintsugi::trust
