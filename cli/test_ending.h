// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/exit_code.h"

namespace kintsugi::cli {

/// What a command left behind.
struct Ending {
  ExitCode code = ExitCode::kDone;
  std::string out;
  std::string err;

  /// Of the document that -o json prints.
  std::string reason() const;
};

}  // namespace kintsugi::cli
