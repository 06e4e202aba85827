// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace kintsugi::cli {

/// What the program ends with; docs/cli.md promises these.
enum class ExitCode : std::uint8_t {
  kDone = 0,
  kError = 1,
  kWrongUse = 2,
  kNothingChanged = 3,  ///< it cannot be done any more, the person said no, or --error-unchanged
  kNotReady = 4,        ///< check: a workload could not be contained, or not brought back at once
};

/// A command line that ends here: help that was asked for, or what is wrong with it.
struct Ended {
  ExitCode code = ExitCode::kDone;
  std::string out;
  std::string err;
};

}  // namespace kintsugi::cli
