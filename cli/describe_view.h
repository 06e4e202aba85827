// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/incident.h"

namespace kintsugi::cli {

struct DescribeOptions {
  std::string program;  ///< as next_steps() wants it
  bool colour = false;
};

/// Everything a responder needs of one incident, the next command last. Pure.
std::string describe(const Incident& incident, WallTime now, const DescribeOptions& options);

}  // namespace kintsugi::cli
