// SPDX-License-Identifier: Apache-2.0
#include "sandbox/refusal.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace kintsugi::sandbox {

using nlohmann::json;

std::string Refusal::to_json() const {
  json status{{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", json::object()},
              {"status", "Failure"}, {"reason", reason},   {"message", message},
              {"code", code}};
  if (!cause.empty())
    status["details"]["causes"] = json::array({{{"reason", cause}, {"message", message}, {"field", field}}});
  return status.dump(-1, ' ', false, json::error_handler_t::replace);
}

Refusal bad_request(std::string message) {
  return {400, "BadRequest", std::move(message)};
}

Refusal not_found(const ResourceInfo& info, const std::string& name) {
  return {404, "NotFound", info.describe(name) + " not found"};
}

Refusal conflict(const ResourceInfo& info, const std::string& name, const std::string& why) {
  return {409, "Conflict", "Operation cannot be fulfilled on " + info.describe(name) + ": " + why};
}

Refusal modified(const ResourceInfo& info, const std::string& name) {
  return conflict(info, name,
                  "the object has been modified; please apply your changes to the latest version and try "
                  "again");
}

Refusal invalid(const ResourceInfo& info, const std::string& name, const std::string& field,
                const std::string& why) {
  return {422, "Invalid", info.describe(name) + " is invalid: " + field + ": Invalid value: " + why,
          "FieldValueInvalid", field};
}

}  // namespace kintsugi::sandbox
