// SPDX-License-Identifier: Apache-2.0
//
// Errors are values. An Error says what failed, on which object, whether a retry can help and what the
// user can do. Exceptions are for bugs only.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace kintsugi {

/// What kind of failure it is; decides how callers react, never what people read.
enum class ErrorCode {
  kInvalidInput,   ///< malformed bytes, a wrong field, an impossible combination
  kTooLarge,       ///< a size, depth or count limit was exceeded
  kNotFound,       ///< the object does not exist
  kAlreadyExists,  ///< an object of that name exists
  kConflict,       ///< the object changed, or a precondition did not hold
  kForbidden,      ///< authenticated, not allowed
  kUnauthorized,   ///< credentials missing or refused
  kUnsupported,    ///< understood, but not implemented or not allowed here
  kRefused,        ///< a rule says no (guard, policy, admission); a retry without a change cannot help
  kUnavailable,    ///< the other side cannot be reached or is overloaded
  kTimeout,        ///< a deadline passed
  kCancelled,      ///< a stop was requested
  kInternal,       ///< a bug or a broken environment
};

/// Lower-case words for an ErrorCode ("not found").
std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  ///< what failed, a clause without a full stop; untrusted parts already escaped
  std::string object;   ///< on what: "pod shop/web-1", "playbooks/a.yaml:3:5"; may be empty
  std::string advice;   ///< what the user can do; may be empty
  std::string reason;   ///< stable CamelCase word for machines ("RegistryUnavailable"); may be empty
  bool retryable = false;
  /// True when a request may have taken effect although no answer came.
  bool outcome_unknown = false;
  std::optional<std::chrono::milliseconds> retry_after;

  /// A rule or a missing right says no: only a person can change that.
  bool is_refusal() const { return code == ErrorCode::kRefused || code == ErrorCode::kForbidden; }

  /// One line: "object: message (advice)".
  std::string to_string() const;

  bool operator==(const Error&) const = default;

  Error& on(std::string object_name) &;
  Error&& on(std::string object_name) &&;
  Error&& advise(std::string text) &&;
  Error&& because(std::string reason_word) &&;
};

/// Makes an Error; `retryable` follows from the code (kUnavailable, kTimeout, kConflict are).
Error make_error(ErrorCode code, std::string message);

}  // namespace kintsugi
