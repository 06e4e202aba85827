// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "k8s-client/core/api_error.h"

namespace kintsugi::k8s {

/// What a command left behind. Output is written by whoever runs the container: hostile.
struct ExecResult {
  std::string standard_output;
  std::string standard_error;
  int exit_code = 0;       ///< -1 when truncated: the session was left before the command told
  bool truncated = false;  ///< more output came than was allowed; what is here is the beginning
};

/// Takes a v5.channel.k8s.io conversation apart (K11.2, K11.3): the first byte of each message is the
/// channel, 1 standard output, 2 standard error, 3 the Status at the end, 255 "this channel ends". Pure; one
/// thread.
class ExecDemultiplexer {
 public:
  /// `max_output_bytes` is for both streams together. `object` is named in errors.
  ExecDemultiplexer(std::size_t max_output_bytes, std::string object);

  /// Takes one message, which may be empty. False: leave the session, finish() knows why (output over the
  /// limit, a channel that does not exist, a Status over 64 KiB).
  bool on_message(std::string_view message);

  /// Call once, when the session is over. Success is a Status that says so, or NonZeroExitCode with its
  /// ExitCode; no Status before the close is an error with `outcome_unknown`, never success.
  ApiResult<ExecResult> finish();

 private:
  bool on_output(std::string& stream, std::string_view data);
  bool on_status(std::string_view data);
  bool on_close(std::string_view data);
  bool violate(std::string message);
  tl::unexpected<ApiError> unknown_outcome(std::string message) const;

  const std::size_t max_output_bytes_;
  const std::string object_;
  ExecResult result_;
  std::string status_;
  std::string violation_;  ///< empty: none
  std::array<bool, 4> closed_{};
};

}  // namespace kintsugi::k8s
