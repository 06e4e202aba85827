// SPDX-License-Identifier: Apache-2.0
//
// The functions and macros that conditions may call.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "trust/attestation/condition_expression.h"

namespace kintsugi::trust::cel {

/// As in `size(x)`; nothing for what is not supported. has() is no function: it takes no value.
std::optional<Operation> global_function(std::string_view name);
/// As in `x.size()`.
std::optional<Operation> method_function(std::string_view name);

/// Checks the number of operands, and compiles the pattern of matches(). Error: kInvalidInput.
Result<void> complete_call(Expression& call);

}  // namespace kintsugi::trust::cel
