// SPDX-License-Identifier: Apache-2.0
//
// The responder at the keyboard.
#pragma once

#include <string>

#include "scenario.h"

namespace kintsugi::scenarios {

/// What `kintsugi ARGUMENTS` prints, on standard output and error; it must end with `code`. `arguments` go
/// through a shell.
std::string responder_runs(Scenario& scenario, const std::string& arguments, int code = 0);

}  // namespace kintsugi::scenarios
