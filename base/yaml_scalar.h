// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/document.h"

namespace kintsugi {

/// What an unquoted YAML scalar means in the 1.2 core schema (§10.3.2): null, boolean, number or string. The
/// number's text is a valid JSON literal. Errors, without a position: see parse_yaml_documents.
Result<Node> resolve_plain_scalar(std::string_view text);

}  // namespace kintsugi
