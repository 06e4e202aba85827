// SPDX-License-Identifier: Apache-2.0
//
// What a person may write into an incident. Pure; in a cluster the API server holds to the same rules (the
// schema in charts/kintsugi/crds.yaml).
#pragma once

#include <cstddef>

#include "base/result.h"
#include "model/incident.h"

namespace kintsugi::incidents {

inline constexpr std::size_t kMaxApprovals = 32;
inline constexpr std::size_t kMaxDeciderCharacters = 253;
inline constexpr std::size_t kMaxReasonCharacters = 1024;

/// Whether the approvals and the release order of `after` may follow on those of `before`: approvals are
/// added at the end, and neither changed nor taken back. Errors: kInvalidInput, which names the field;
/// kTooLarge beyond a bound.
Result<void> check_decisions(const IncidentSpec& before, const IncidentSpec& after);

}  // namespace kintsugi::incidents
