// SPDX-License-Identifier: Apache-2.0
//
// What a person may change of an incident: `hold`, `approvals` and `release`, under the rules of the resource
// definition (charts/kintsugi/crds.yaml). Pure.
#pragma once

#include <string>
#include <string_view>

#include "host/control/api_status.h"
#include "model/incident.h"

namespace kintsugi::host {

/// Who asks, and when.
struct Person {
  std::string name;  ///< of the user whose process has connected: the kernel vouches for it
  WallTime now;
};

inline constexpr std::size_t kMaxReasonBytes = 1024;

/// The incident with a JSON Patch (RFC 6902: test, add, replace, remove) applied to its object as
/// to_object(incident, name_space) has it.
///
/// Whoever the patch names, new decisions are by `person`; where it has no time, they are of now. Approvals
/// can only be added, at the end. Refusals: 422 without a cause where a `test` fails or a path is missing,
/// 422 with one where the result breaks a rule, 400 for what is no patch.
Answer<Incident> apply_decisions(const Incident& incident, const std::string& name_space,
                                 std::string_view patch, const Person& person);

}  // namespace kintsugi::host
