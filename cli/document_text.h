// SPDX-License-Identifier: Apache-2.0
//
// API objects as people ask for them with -o json and -o yaml. All text is ASCII: whatever an object holds,
// no control character reaches a terminal, and nothing is lost.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace kintsugi::cli {

/// Indented, with a line end.
std::string to_json_text(const nlohmann::json& value);

/// Block style, with a line end. Strings that some YAML reader would take for something else are quoted.
std::string to_yaml_text(const nlohmann::json& value);

/// A JSON text from an incident on one line, its meaning unchanged; what is no JSON is escaped. At most
/// `max_bytes`.
std::string to_json_line(std::string_view json_text, std::size_t max_bytes);

}  // namespace kintsugi::cli
