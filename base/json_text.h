// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace kintsugi {

/// JSON on one line, or indented by `indent` spaces. Never throws: bytes that are no UTF-8 become U+FFFD.
/// nlohmann's own dump() throws there, and every file that calls it compiles it anew.
std::string json_text(const nlohmann::json& value, int indent = -1);

}  // namespace kintsugi
