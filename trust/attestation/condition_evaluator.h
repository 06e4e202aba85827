// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/result.h"
#include "trust/attestation/condition.h"
#include "trust/attestation/condition_expression.h"

namespace kintsugi::trust::cel {

/// The value of the condition whose text is `text`; errors as Condition::evaluate().
Result<bool> evaluate(const Expression& root, std::string_view text, const Bindings& bindings);

}  // namespace kintsugi::trust::cel
