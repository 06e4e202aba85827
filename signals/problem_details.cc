// SPDX-License-Identifier: Apache-2.0
#include "signals/problem_details.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "signals/reasons.h"

namespace kintsugi::signals {
namespace {

std::string element_path(std::optional<std::size_t> element, const std::string& field) {
  if (!element) return field;
  return fmt::format("[{}]{}{}", *element, field.empty() ? "" : ".", field);
}

}  // namespace

std::string to_json(const ProblemDetails& problem) {
  nlohmann::ordered_json body = {{"type", "about:blank"},
                                 {"title", problem.title},
                                 {"status", problem.status},
                                 {"detail", problem.detail}};
  if (!problem.field.empty()) body["field"] = problem.field;
  return body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

ProblemDetails describe_body_error(const Error& error) {
  if (error.code == ErrorCode::kTooLarge) return {413, "Content Too Large", error.to_string(), ""};
  return {400, "Malformed body", error.to_string(), ""};
}

ProblemDetails describe_element_error(const Error& error, std::optional<std::size_t> element) {
  const std::string path = element_path(element, error.object);
  const std::string detail = path.empty() ? error.message : fmt::format("{}: {}", path, error.message);
  if (error.reason == kInexactNumber) return {400, "Number out of range", detail, path};
  return {422, "Not a usable event", detail, path};
}

}  // namespace kintsugi::signals
