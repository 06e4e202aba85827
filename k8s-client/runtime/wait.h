// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "base/clock.h"

namespace kintsugi::k8s {

/// Blocks the calling thread until `deadline` by `clock`. False when `stop` was requested first (or before).
bool wait_until(const Clock& clock, MonotonicTime deadline, std::stop_token stop);

}  // namespace kintsugi::k8s
