// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace kintsugi {

struct ChildProgram {
  std::string path = {};                      ///< absolute
  std::vector<std::string> arguments = {};    ///< after the program's name
  std::vector<std::string> environment = {};  ///< "NAME=value", and nothing else
  std::string input = {};                     ///< standard input, at most 4,096 bytes
  std::size_t max_output = 64u << 10;
  std::chrono::milliseconds timeout{10'000};
};

struct ChildOutput {
  int exit_status = 0;  ///< -1: ended by a signal
  Secret output;        ///< standard output
};

/// Runs a program to its end in a process group of its own, without a shell; its standard error is discarded
/// and no other descriptor is inherited. The group is killed when it writes more than `max_output`
/// (kTooLarge), takes longer than `timeout` (kTimeout) or on a stop (kCancelled). The child is reaped in any
/// case. kInternal where it cannot be started.
Result<ChildOutput> run_child(const ChildProgram& program, const std::stop_token& stop);

}  // namespace kintsugi
