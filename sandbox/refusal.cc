// SPDX-License-Identifier: Apache-2.0
#include "sandbox/refusal.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace kintsugi::sandbox {
namespace {

Refusal::Details details_of(const ResourceInfo& info, const std::string& name) {
  return {name, std::string(info.resource.group), std::string(info.resource.plural), {}, 0};
}

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

nlohmann::json to_object(const Refusal::Details& details) {
  nlohmann::json object = nlohmann::json::object();
  if (!details.name.empty()) object["name"] = details.name;
  if (!details.group.empty()) object["group"] = details.group;
  if (!details.kind.empty()) object["kind"] = details.kind;
  for (const Cause& cause : details.causes) {
    nlohmann::json entry{{"reason", cause.reason}, {"message", cause.message}};
    if (!cause.field.empty()) entry["field"] = cause.field;
    object["causes"].push_back(std::move(entry));
  }
  if (details.retry_after_seconds > 0) object["retryAfterSeconds"] = details.retry_after_seconds;
  return object;
}

}  // namespace

std::string Refusal::to_json() const {
  nlohmann::json status{{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", nlohmann::json::object()},
                        {"status", "Failure"}, {"message", message}, {"code", code}};
  if (!reason.empty()) status["reason"] = reason;
  if (details) status["details"] = to_object(*details);
  return status.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Refusal not_found(const ResourceInfo& info, const std::string& name) {
  return {404, "NotFound", info.qualified_name() + " " + quoted(name) + " not found", details_of(info, name)};
}

Refusal already_exists(const ResourceInfo& info, const std::string& name) {
  return {409, "AlreadyExists", info.qualified_name() + " " + quoted(name) + " already exists",
          details_of(info, name)};
}

Refusal conflict(const ResourceInfo& info, const std::string& name, std::string_view message) {
  return {409, "Conflict",
          "Operation cannot be fulfilled on " + info.qualified_name() + " " + quoted(name) + ": " +
              std::string(message),
          details_of(info, name)};
}

Refusal modified(const ResourceInfo& info, const std::string& name) {
  return conflict(
      info, name,
      "the object has been modified; please apply your changes to the latest version and try again");
}

Refusal invalid(const ResourceInfo& info, const std::string& name, Cause cause) {
  const std::string kind(info.resource.kind);
  const std::string group(info.resource.group);
  const std::string what = group.empty() ? kind : kind + "." + group;
  Refusal refusal{422, "Invalid",
                  what + " " + quoted(name) + " is invalid: " + cause.field + ": " + cause.message,
                  Refusal::Details{name, group, kind, {}, 0}};
  refusal.details->causes.push_back(std::move(cause));
  return refusal;
}

Refusal patch_failed() {
  return {422, "Invalid", "the server rejected our request due to an error in our request",
          Refusal::Details{}};
}

Refusal bad_request(std::string message) {
  return {400, "BadRequest", std::move(message), std::nullopt};
}

Refusal unsupported_media_type(std::string message) {
  return {415, "UnsupportedMediaType", std::move(message), std::nullopt};
}

Refusal unknown_path() {
  return {404, "NotFound", "the server could not find the requested resource", Refusal::Details{}};
}

Refusal method_not_allowed() {
  return {405, "MethodNotAllowed", "the server does not allow this method on the requested resource",
          Refusal::Details{}};
}

Refusal namespace_terminating(const ResourceInfo& info, const std::string& name,
                              const std::string& name_space) {
  Refusal refusal{403, "Forbidden",
                  info.qualified_name() + " " + quoted(name) +
                      " is forbidden: unable to create new content in namespace " + name_space +
                      " because it is being terminated",
                  details_of(info, name)};
  refusal.details->causes.push_back(
      {"NamespaceTerminating", "namespace " + name_space + " is being terminated", "metadata.namespace"});
  return refusal;
}

Refusal expired(std::string message) {
  return {410, "Expired", std::move(message), std::nullopt};
}

Refusal version_too_large(std::uint64_t asked, std::uint64_t current) {
  Refusal refusal{504, "Timeout",
                  "Timeout: Too large resource version: " + std::to_string(asked) +
                      ", current: " + std::to_string(current),
                  Refusal::Details{}};
  refusal.details->causes.push_back({"ResourceVersionTooLarge", "Too large resource version", ""});
  refusal.details->retry_after_seconds = 1;
  return refusal;
}

Refusal unclassified(std::string message) {
  return {500, "", std::move(message), std::nullopt};
}

}  // namespace kintsugi::sandbox
