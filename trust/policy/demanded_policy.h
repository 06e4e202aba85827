// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "trust/policy/trust_policy.h"

namespace kintsugi::trust {

/// Why the policy of this name, which a playbook demands, has no say about what `selects` describes; nothing
/// where it has. Pure.
std::optional<std::string> lack_of(const std::string& policy, std::span<const TrustPolicy> all,
                                   const std::function<bool(const TrustPolicySpec&)>& selects);

}  // namespace kintsugi::trust
