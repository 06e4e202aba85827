// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/exec_frames.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/document.h"

namespace kintsugi::k8s {
namespace {

constexpr std::uint8_t kStandardOutput = 1;
constexpr std::uint8_t kStandardError = 2;
constexpr std::uint8_t kStatus = 3;
constexpr std::uint8_t kClose = 255;
constexpr std::size_t kMaxStatusBytes = 64u << 10;

/// The N of a cause of type ExitCode, where it is an integer.
std::optional<int> exit_code_of(const ApiError& error) {
  if (error.reason != "NonZeroExitCode") return std::nullopt;
  for (const StatusCause& cause : error.causes) {
    if (cause.type != "ExitCode") continue;
    int code = 0;
    const char* const end = cause.message.data() + cause.message.size();
    const auto [stop, trouble] = std::from_chars(cause.message.data(), end, code);
    if (trouble == std::errc() && stop == end) return code;
  }
  return std::nullopt;
}

}  // namespace

ExecDemultiplexer::ExecDemultiplexer(std::size_t max_output_bytes, std::string object)
    : max_output_bytes_(max_output_bytes), object_(std::move(object)) {}

bool ExecDemultiplexer::on_message(std::string_view message) {
  if (message.empty()) return true;
  const auto channel = std::uint8_t(message.front());
  const std::string_view data = message.substr(1);
  if (channel == kClose) return on_close(data);
  const bool known = channel == kStandardOutput || channel == kStandardError || channel == kStatus;
  if (!known) return violate("a message on channel " + std::to_string(channel));
  if (data.empty()) return true;
  if (closed_[channel]) return violate("data on the closed channel " + std::to_string(channel));
  if (channel == kStatus) return on_status(data);
  return on_output(channel == kStandardOutput ? result_.standard_output : result_.standard_error, data);
}

bool ExecDemultiplexer::on_output(std::string& stream, std::string_view data) {
  const std::size_t used = result_.standard_output.size() + result_.standard_error.size();
  const std::size_t room = max_output_bytes_ - used;
  stream += data.substr(0, room);
  result_.truncated = data.size() > room;
  return !result_.truncated;
}

bool ExecDemultiplexer::on_status(std::string_view data) {
  if (data.size() > kMaxStatusBytes - status_.size()) return violate("a Status of more than 64 KiB");
  status_ += data;
  return true;
}

bool ExecDemultiplexer::on_close(std::string_view data) {
  if (data.size() != 1) return violate("a malformed close of a channel");
  const auto channel = std::uint8_t(data.front());
  if (channel < closed_.size()) closed_[channel] = true;
  return true;
}

bool ExecDemultiplexer::violate(std::string message) {
  violation_ = std::move(message);
  return false;
}

tl::unexpected<ApiError> ExecDemultiplexer::unknown_outcome(std::string message) const {
  Error error = make_error(ErrorCode::kInternal, std::move(message));
  error.outcome_unknown = true;
  return tl::unexpected(transport_error(std::move(error), object_));
}

ApiResult<ExecResult> ExecDemultiplexer::finish() {
  if (!violation_.empty()) return unknown_outcome("the exec session broke the protocol with " + violation_);
  if (result_.truncated) {
    result_.exit_code = -1;
    return std::move(result_);
  }
  if (status_.empty()) return unknown_outcome("the exec session ended without saying how the command ended");
  const auto status =
      parse_json(status_, {.max_bytes = kMaxStatusBytes, .max_depth = 32, .max_nodes = 10'000});
  if (!status) return unknown_outcome("the exec session ended with an unreadable Status");
  const auto member = status->is_object() ? status->find("status") : status->end();
  if (member != status->end() && *member == "Success") return std::move(result_);
  ApiError error = api_error_from_status(*status, object_);
  const auto exit_code = exit_code_of(error);
  if (!exit_code) return tl::unexpected(std::move(error));
  result_.exit_code = *exit_code;
  return std::move(result_);
}

}  // namespace kintsugi::k8s
