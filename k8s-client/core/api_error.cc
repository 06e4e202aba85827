// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/api_error.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/document.h"
#include "base/escape.h"

namespace kintsugi::k8s {
namespace {

constexpr DocumentLimits kStatusLimits{.max_bytes = 256u << 10, .max_depth = 32, .max_nodes = 10'000};
constexpr std::size_t kMaxCauses = 64;
constexpr std::size_t kMaxMessageBytes = 2048;
constexpr std::size_t kMaxWordBytes = 256;
constexpr std::size_t kMaxForeignBytes = 1024;
constexpr std::int64_t kMaxRetryAfterSeconds = 3600;

/// metav1.StatusReason, where it says more than the HTTP status.
constexpr std::array<std::pair<std::string_view, ErrorCode>, 17> kReasons{{
    {"Unauthorized", ErrorCode::kUnauthorized},
    {"Forbidden", ErrorCode::kForbidden},
    {"NotFound", ErrorCode::kNotFound},
    {"AlreadyExists", ErrorCode::kAlreadyExists},
    {"Conflict", ErrorCode::kConflict},
    {"Gone", ErrorCode::kRefused},
    {"Expired", ErrorCode::kRefused},
    {"Invalid", ErrorCode::kInvalidInput},
    {"BadRequest", ErrorCode::kInvalidInput},
    {"MethodNotAllowed", ErrorCode::kUnsupported},
    {"NotAcceptable", ErrorCode::kUnsupported},
    {"UnsupportedMediaType", ErrorCode::kUnsupported},
    {"RequestEntityTooLarge", ErrorCode::kTooLarge},
    {"ServerTimeout", ErrorCode::kUnavailable},
    {"Timeout", ErrorCode::kTimeout},
    {"TooManyRequests", ErrorCode::kUnavailable},
    {"ServiceUnavailable", ErrorCode::kUnavailable},
}};

ErrorCode code_of_http_status(int status) {
  switch (status) {
    case 401: return ErrorCode::kUnauthorized;
    case 403: return ErrorCode::kForbidden;
    case 404: return ErrorCode::kNotFound;
    case 405:
    case 406:
    case 415: return ErrorCode::kUnsupported;
    case 408:
    case 504: return ErrorCode::kTimeout;
    case 409: return ErrorCode::kConflict;
    case 410: return ErrorCode::kRefused;
    case 413: return ErrorCode::kTooLarge;
    case 429: return ErrorCode::kUnavailable;
    default: break;
  }
  if (status >= 500) return ErrorCode::kUnavailable;
  return status >= 400 ? ErrorCode::kInvalidInput : ErrorCode::kUnsupported;
}

ErrorCode code_of(const ApiError& error) {
  if (error.is_failed_patch_test()) return ErrorCode::kConflict;
  if (error.is_disruption_budget()) return ErrorCode::kRefused;
  const auto* known = std::find_if(kReasons.begin(), kReasons.end(),
                                   [&](const auto& entry) { return entry.first == error.reason; });
  return known != kReasons.end() ? known->second : code_of_http_status(error.http_status);
}

/// The member as escaped text; empty where it is absent or of another type.
std::string text_of(const nlohmann::json& object, const char* key, std::size_t max_bytes) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_string()) return {};
  return escape(member->get_ref<const std::string&>(), max_bytes);
}

std::optional<std::int64_t> integer_of(const nlohmann::json& object, const char* key) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_number_integer()) return std::nullopt;
  return member->get<std::int64_t>();
}

std::optional<std::chrono::milliseconds> as_delay(std::int64_t seconds) {
  if (seconds < 0) return std::nullopt;
  return std::chrono::seconds(std::min(seconds, kMaxRetryAfterSeconds));
}

std::vector<StatusCause> causes_of(const nlohmann::json& details) {
  std::vector<StatusCause> causes;
  const auto list = details.find("causes");
  if (list == details.end() || !list->is_array()) return causes;
  for (const auto& entry : *list) {
    if (!entry.is_object()) continue;
    if (causes.size() == kMaxCauses) break;
    causes.push_back({text_of(entry, "reason", kMaxWordBytes), text_of(entry, "field", kMaxWordBytes),
                      text_of(entry, "message", kMaxMessageBytes)});
  }
  return causes;
}

/// The Status that ends an exec comes without its kind.
bool is_status(const nlohmann::json& document) {
  if (!document.is_object()) return false;
  if (document.contains("kind")) return document["kind"] == "Status";
  return document.contains("status") && document["status"] == "Failure";
}

void fill_from_status(const nlohmann::json& status, ApiError& error) {
  error.message = text_of(status, "message", kMaxMessageBytes);
  error.reason = text_of(status, "reason", kMaxWordBytes);
  const auto details = status.find("details");
  if (details == status.end() || !details->is_object()) return;
  error.causes = causes_of(*details);
  const auto seconds = integer_of(*details, "retryAfterSeconds");
  if (seconds && *seconds > 0) error.retry_after = as_delay(*seconds);
}

/// Only the delta-seconds form of RFC 9110 §10.2.3: Kubernetes sends no dates.
std::optional<std::chrono::milliseconds> parse_retry_after(const std::string& header) {
  std::int64_t seconds = 0;
  const char* const end = header.data() + header.size();
  const auto [stop, trouble] = std::from_chars(header.data(), end, seconds);
  if (trouble != std::errc() || stop != end) return std::nullopt;
  return as_delay(seconds);
}

std::string advice_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthorized: return "check the credentials: token, client certificate, clock";
    case ErrorCode::kForbidden: return "grant the permission with RBAC, or see which admission rule said no";
    default: return {};
  }
}

void classify(ApiError& error, bool has_status) {
  const bool may_be_a_proxy = error.http_status == 404 && !has_status;
  const ErrorCode code = may_be_a_proxy ? ErrorCode::kUnavailable : code_of(error);
  Error base = make_error(code, std::move(error.message));
  error.code = base.code;
  error.retryable = base.retryable;
  error.message =
      base.message.empty() ? "HTTP status " + std::to_string(error.http_status) : std::move(base.message);
  error.advice = advice_for(error.code);
  if (may_be_a_proxy) error.reason = kNotServed;
}

}  // namespace

bool ApiError::is_expired() const {
  return http_status == 410 || reason == "Expired" || reason == "Gone";
}

bool ApiError::is_resource_version_too_large() const {
  return (http_status == 504 || http_status == 500) &&
         std::any_of(causes.begin(), causes.end(),
                     [](const StatusCause& cause) { return cause.type == "ResourceVersionTooLarge"; });
}

bool ApiError::is_failed_patch_test() const {
  return of_patch && http_status == 422 && causes.empty();
}

bool ApiError::is_not_served() const {
  return http_status == 404 && reason == kNotServed;
}

bool ApiError::is_disruption_budget() const {
  return http_status == 429 && std::any_of(causes.begin(), causes.end(), [](const StatusCause& cause) {
           return cause.type == "DisruptionBudget";
         });
}

ApiError decode_api_error(const net::HttpResponse& response, std::string object, std::string_view method) {
  ApiError error;
  error.http_status = response.status;
  error.of_patch = method == "PATCH";
  error.object = std::move(object);
  const auto document = parse_json(response.body, kStatusLimits);
  const bool has_status = document && is_status(*document);
  if (has_status) {
    fill_from_status(*document, error);
  } else {
    error.message = "HTTP status " + std::to_string(response.status);
    if (!response.body.empty()) error.message += " with: " + escape(response.body, kMaxForeignBytes);
  }
  if (const std::string* header = response.headers.find("Retry-After")) {
    if (const auto delay = parse_retry_after(*header)) error.retry_after = delay;
  }
  classify(error, has_status);
  const std::string* flow = response.headers.find("X-Kubernetes-PF-FlowSchema-UID");
  if (response.status == 429 && flow != nullptr) {
    error.advice = "throttled under the FlowSchema with UID " + escape(*flow, 64);  // K12.10
  }
  return error;
}

ApiError api_error_from_status(const nlohmann::json& status, std::string object) {
  ApiError error;
  error.object = std::move(object);
  if (!is_status(status)) {
    static_cast<Error&>(error) =
        make_error(ErrorCode::kInternal, "the server sent something else than a Status")
            .on(std::move(error.object));
    return error;
  }
  const auto code = integer_of(status, "code");
  error.http_status = code && *code >= 100 && *code <= 599 ? int(*code) : 500;
  fill_from_status(status, error);
  classify(error, /*has_status=*/true);
  return error;
}

ApiError transport_error(Error error, std::string object) {
  ApiError wrapped;
  static_cast<Error&>(wrapped) = std::move(error);
  if (wrapped.object.empty()) wrapped.object = std::move(object);
  return wrapped;
}

}  // namespace kintsugi::k8s
