// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/result.h"
#include "cli/trust_invocation.h"
#include "trust/policy/trust_policy.h"

namespace kintsugi::cli {

/// The policies that the policy file has, or one for every image by whom the flags name. No cluster is asked
/// for anything that they refer to.
Result<std::vector<trust::TrustPolicy>> read_policies(const TrustInvocation& invocation,
                                                      const trust::RootSet& roots);

}  // namespace kintsugi::cli
