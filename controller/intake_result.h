// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kintsugi::controller {

/// What became of one signal.
enum class Disposition : std::uint8_t {
  kOpened,
  kJoined,
  kDuplicate,
  kObserved,
  kNoPlaybook,
  kNoTarget,
  kUnprotected,
  kGone,
  kUidMismatch,
  kNotUnique,
  kLate,
  kOff,
  kRefused,
};
inline constexpr std::size_t kDispositionCount = 13;
/// The word in answers and metrics: "opened", "no-playbook", …
std::string_view to_string(Disposition disposition);

struct IntakeResult {
  Disposition disposition = Disposition::kNoPlaybook;
  std::string incident;  ///< empty where none is concerned
  std::string message;   ///< for people, escaped
};

}  // namespace kintsugi::controller
