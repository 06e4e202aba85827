// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "base/clock.h"

namespace kintsugi::trust {

/// How long a caller is willing to wait, for everything that the call leads to.
struct Call {
  MonotonicTime deadline;
  std::stop_token stop;
};

}  // namespace kintsugi::trust
