// SPDX-License-Identifier: Apache-2.0
//
// What operators and functions do with values. All charge the budget; when it is spent the value means
// nothing, and whoever calls has to look. Errors: kInvalidInput, clauses about the operands.
#pragma once

#include "base/result.h"
#include "trust/attestation/condition_budget.h"
#include "trust/attestation/condition_expression.h"

namespace kintsugi::trust::cel {

/// Values of different kinds are not equal, but an int and a double can be.
bool equal(const Value& left, const Value& right, Budget& budget);
/// kLess, kLessOrEqual, kGreater, kGreaterOrEqual.
Result<Value> compare(Operation operation, const Value& left, const Value& right, Budget& budget);
Result<Value> is_in(const Value& needle, const Value& haystack, Budget& budget);

/// kAdd, kSubtract, kMultiply, kDivide, kModulo.
Result<Value> calculate(Operation operation, const Value& left, const Value& right, Budget& budget);
Result<Value> negate(const Value& operand);

/// The member `key` of a map; nullptr where there is none.
const Node* find_member(const Value& map, std::string_view key, Budget& budget);
Result<Value> size_of(const Value& operand, Budget& budget);
/// kStartsWith, kEndsWith, kContains.
Result<Value> search(Operation operation, const Value& text, const Value& part, Budget& budget);
Result<Value> to_timestamp(const Value& operand, Budget& budget);
Result<Value> to_duration(const Value& operand, Budget& budget);

}  // namespace kintsugi::trust::cel
