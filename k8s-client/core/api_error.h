// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "net/http.h"

namespace kintsugi::k8s {

/// The reason of a 404 without a Status: see ApiError::is_not_served().
inline constexpr const char* kNotServed = "NotServed";

/// One entry of a Status' `details.causes`.
struct StatusCause {
  std::string type;  ///< the API's `reason`: "FieldValueInvalid", "DisruptionBudget", "ExitCode"
  std::string field;
  std::string message;
  bool operator==(const StatusCause&) const = default;
};

/// Why a call failed: an answer of the API server (http_status > 0) or trouble on the way to it (http_status
/// 0). Converts to a plain Error by slicing, so that an ApiResult can be returned as a Result.
///
/// `code` follows `reason`, the Status' own word ("NotFound", "Expired", …), first and the HTTP status second
/// (K12.14): 409 AlreadyExists and 409 Conflict are kAlreadyExists and kConflict; a failed patch test is
/// kConflict, an expired version kRefused (the same request fails again), a disruption budget's 429 kRefused.
/// kNotFound is a 404 with a Status only: without one it may come from a proxy, and is kUnavailable.
struct ApiError : Error {
  int http_status = 0;
  bool of_patch = false;  ///< the request was a PATCH
  std::vector<StatusCause> causes;

  bool from_server() const { return http_status != 0; }
  /// HTTP 410, or reason Expired or Gone (K2.5, K2.6).
  bool is_expired() const;
  /// A 504 or 500 with the cause ResourceVersionTooLarge (K1.6).
  bool is_resource_version_too_large() const;
  /// A PATCH's 422 without causes: a JSON Patch `test` failed or a path was missing. With causes, and from
  /// any other request, it is schema or admission.
  bool is_failed_patch_test() const;
  /// A 404 without a Status: the server has no such path (a group whose resource definitions are missing), or
  /// a proxy in between has no route to it. Says nothing of any object.
  bool is_not_served() const;
  /// A 429 that says a PodDisruptionBudget forbids the eviction, not that the server is busy (K10.2).
  bool is_disruption_budget() const;
};

template <class T>
using ApiResult = tl::expected<T, ApiError>;

/// Decodes a response to a request with this `method` whose status is none of success. A body that is no
/// Status keeps its first 1 KiB, escaped. Limits: 256 KiB of body, 64 causes, 2 KiB of message.
ApiError decode_api_error(const net::HttpResponse& response, std::string object,
                          std::string_view method = "GET");
/// From a Status that came inside a stream: a watch's ERROR event (K2.5), exec's channel 3 (K11.3). Its
/// `code` member stands in for the HTTP status.
ApiError api_error_from_status(const nlohmann::json& status, std::string object);
/// Wraps trouble on the way.
ApiError transport_error(Error error, std::string object);

}  // namespace kintsugi::k8s
