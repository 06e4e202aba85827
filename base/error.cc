// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <utility>

namespace kintsugi {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidInput: return "invalid input";
    case ErrorCode::kTooLarge: return "too large";
    case ErrorCode::kNotFound: return "not found";
    case ErrorCode::kAlreadyExists: return "already exists";
    case ErrorCode::kConflict: return "conflict";
    case ErrorCode::kForbidden: return "forbidden";
    case ErrorCode::kUnauthorized: return "unauthorized";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kRefused: return "refused";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kInternal: return "internal";
  }
  return "internal";
}

std::string Error::to_string() const {
  std::string text;
  if (!object.empty()) text += object + ": ";
  text += message.empty() ? std::string(kintsugi::to_string(code)) : message;
  if (!advice.empty()) text += " (" + advice + ")";
  return text;
}

Error& Error::on(std::string object_name) & {
  object = std::move(object_name);
  return *this;
}

Error&& Error::on(std::string object_name) && {
  object = std::move(object_name);
  return std::move(*this);
}

Error&& Error::advise(std::string text) && {
  advice = std::move(text);
  return std::move(*this);
}

Error&& Error::because(std::string reason_word) && {
  reason = std::move(reason_word);
  return std::move(*this);
}

Error make_error(ErrorCode code, std::string message) {
  Error error;
  error.code = code;
  error.message = std::move(message);
  error.retryable =
      code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout || code == ErrorCode::kConflict;
  return error;
}

}  // namespace kintsugi
