// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "base/clock.h"

namespace kintsugi::k8s {

/// Blocks until `deadline`. False, at once, when a stop was requested.
bool wait_until(const Clock& clock, MonotonicTime deadline, const std::stop_token& stop);

}  // namespace kintsugi::k8s
