// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "targets/isolation/isolation_proof.h"
#include "targets/isolation/network_policy.h"

namespace kintsugi::isolation {

/// How to take pods in quarantine out of `policy`: `matchExpressions` gains `kintsugi.dev/quarantine
/// DoesNotExist`, which changes nothing for any other pod.
Exclusion exclusion_from(const NetworkPolicy& policy);

}  // namespace kintsugi::isolation
