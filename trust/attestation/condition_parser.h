// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/result.h"
#include "trust/attestation/condition_expression.h"

namespace kintsugi::trust::cel {

/// Reads a condition, which is bounded by whoever calls. Error: kInvalidInput with the position.
Result<Expression> parse_expression(std::string_view text);

}  // namespace kintsugi::trust::cel
