// SPDX-License-Identifier: Apache-2.0
#include "host/control/api_status.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/escape.h"

namespace kintsugi::host {

using nlohmann::json;

Refusal bad_request(std::string message) {
  return {400, "BadRequest", std::move(message)};
}

Refusal forbidden(std::string message) {
  return {403, "Forbidden", std::move(message)};
}

Refusal not_found(const std::string& what) {
  return {404, "NotFound", what + " not found"};
}

Refusal not_served() {
  return {404, "NotFound", "the server could not find the requested resource"};
}

Refusal method_not_allowed(std::string message) {
  return {405, "MethodNotAllowed", std::move(message)};
}

Refusal modified(const std::string& what) {
  return {
      409, "Conflict",
      "Operation cannot be fulfilled on " + what +
          ": the object has been modified; please apply your changes to the latest version and try again"};
}

Refusal invalid(const std::string& what, const std::string& field, const std::string& why) {
  return {422, "Invalid", what + " is invalid: " + field + ": " + why, "FieldValueInvalid", field};
}

Refusal failed_patch_test() {
  return {422, "Invalid", "the server rejected our request due to an error in our request"};
}

Refusal refusal_of(const Error& error, const std::string& what) {
  switch (error.code) {
    case ErrorCode::kNotFound: return not_found(what);
    case ErrorCode::kAlreadyExists: return {409, "AlreadyExists", what + " already exists"};
    case ErrorCode::kConflict: return modified(what);
    case ErrorCode::kForbidden:
    case ErrorCode::kRefused: return forbidden(what + ": " + error.to_string());
    case ErrorCode::kInvalidInput: return invalid(what, "spec", error.to_string());
    case ErrorCode::kTooLarge: return {413, "RequestEntityTooLarge", error.to_string()};
    case ErrorCode::kUnavailable:
      if (!error.outcome_unknown) return {503, "ServiceUnavailable", error.to_string(), "", "", true};
      [[fallthrough]];
    case ErrorCode::kTimeout: return {504, "Timeout", error.to_string()};
    default: return {500, "InternalError", error.to_string()};
  }
}

std::string describe(const std::string& resource, const std::string& name) {
  return escape(resource, 128) + " \"" + escape(name, 253) + "\"";
}

net::HttpResponse respond(int status, const json& body) {
  net::HttpResponse response{status, {}, body.dump(-1, ' ', false, json::error_handler_t::replace)};
  response.headers.add("Content-Type", "application/json");
  return response;
}

net::HttpResponse respond(const Refusal& refusal) {
  json status{{"kind", "Status"},    {"apiVersion", "v1"},       {"metadata", json::object()},
              {"status", "Failure"}, {"reason", refusal.reason}, {"message", refusal.message},
              {"code", refusal.code}};
  if (!refusal.cause.empty()) {
    status["details"]["causes"] =
        json::array({{{"reason", refusal.cause}, {"message", refusal.message}, {"field", refusal.field}}});
  }
  net::HttpResponse response = respond(refusal.code, status);
  if (refusal.may_repeat) response.headers.add("Retry-After", "1");
  return response;
}

net::HttpResponse respond_success() {
  return respond(
      200, {{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", json::object()}, {"status", "Success"}});
}

}  // namespace kintsugi::host
