// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "measurements.h"

namespace kintsugi::bench {

/// One way to have a victim isolated; returns when that is ordered: an error's text, or nothing.
using Isolate = std::function<std::string(const Victim& victim)>;

/// By a signal to the controller that runs; what is returned is whether it was accepted.
Isolate by_controller(Bench& bench);
Isolate by_patch(Floors& floors);
Isolate by_create_and_patch(Floors& floors);

}  // namespace kintsugi::bench
