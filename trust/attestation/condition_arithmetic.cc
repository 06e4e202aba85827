// SPDX-License-Identifier: Apache-2.0
//
// Sums and products of values.
#include <fmt/format.h>

#include <cstdint>
#include <optional>

#include "trust/attestation/condition_operators.h"

namespace kintsugi::trust::cel {
namespace {

using Kind = Value::Kind;

Result<std::int64_t> calculate_integers(Operation operation, std::int64_t left, std::int64_t right) {
  std::int64_t result = 0;
  bool overflows = false;
  switch (operation) {
    case Operation::kAdd: overflows = __builtin_add_overflow(left, right, &result); break;
    case Operation::kSubtract: overflows = __builtin_sub_overflow(left, right, &result); break;
    case Operation::kMultiply: overflows = __builtin_mul_overflow(left, right, &result); break;
    default:
      if (right == 0) return fail(ErrorCode::kInvalidInput, "division by zero");
      overflows = left == INT64_MIN && right == -1;
      if (!overflows) result = operation == Operation::kDivide ? left / right : left % right;
  }
  if (overflows) return fail(ErrorCode::kInvalidInput, "beyond 64 bits");
  return result;
}

std::optional<double> calculate_reals(Operation operation, double left, double right) {
  switch (operation) {
    case Operation::kAdd: return left + right;
    case Operation::kSubtract: return left - right;
    case Operation::kMultiply: return left * right;
    case Operation::kDivide: return left / right;
    default: return std::nullopt;
  }
}

Result<Value> join_texts(const Value& left, const Value& right, Budget& budget) {
  if (left.size() + right.size() > kMaxTextBytes)
    return fail(ErrorCode::kTooLarge, fmt::format("a text over {} bytes", kMaxTextBytes));
  std::string text;
  if (budget.spend_bytes(left.size() + right.size())) text.append(left.text()).append(right.text());
  return Value::of_string(std::move(text));
}

Result<Value> join_lists(const Value& left, const Value& right, Budget& budget) {
  Value::List items;
  if (!budget.spend(left.size()) || !budget.spend(right.size())) return Value();
  items.reserve(left.size() + right.size());
  for (const Value* list : {&left, &right}) {
    for (std::size_t i = 0; i < list->size(); ++i) items.push_back(list->item(i));
  }
  return Value::of_list(std::move(items));
}

/// The kind of a sum or difference of times; nothing where there is none.
std::optional<Kind> kind_of_times(Operation operation, Kind left, Kind right) {
  const bool is_sum = operation == Operation::kAdd;
  if (!is_sum && operation != Operation::kSubtract) return std::nullopt;
  if (left == Kind::kDuration && right == Kind::kDuration) return Kind::kDuration;
  if (left == Kind::kTimestamp && right == Kind::kDuration) return Kind::kTimestamp;
  if (is_sum && left == Kind::kDuration && right == Kind::kTimestamp) return Kind::kTimestamp;
  if (!is_sum && left == Kind::kTimestamp && right == Kind::kTimestamp) return Kind::kDuration;
  return std::nullopt;
}

}  // namespace

Result<Value> calculate(Operation operation, const Value& left, const Value& right, Budget& budget) {
  if (left.is(Kind::kInt) && right.is(Kind::kInt)) {
    return calculate_integers(operation, left.integer(), right.integer()).map(Value::of_int);
  }
  if (left.is(Kind::kDouble) && right.is(Kind::kDouble)) {
    if (const auto real = calculate_reals(operation, left.real(), right.real()))
      return Value::of_double(*real);
  }
  if (operation == Operation::kAdd && left.is(Kind::kString) && right.is(Kind::kString))
    return join_texts(left, right, budget);
  if (operation == Operation::kAdd && left.is(Kind::kList) && right.is(Kind::kList))
    return join_lists(left, right, budget);
  if (const auto kind = kind_of_times(operation, left.kind(), right.kind())) {
    const auto sum = calculate_integers(operation, left.integer(), right.integer());
    if (!sum) return fail(sum.error());
    const std::chrono::nanoseconds nanoseconds(*sum);
    return *kind == Kind::kDuration ? Value::of_duration(nanoseconds) : Value::of_time(WallTime(nanoseconds));
  }
  return fail(ErrorCode::kInvalidInput,
              fmt::format("no such operation on {} and {}", kind_name(left.kind()), kind_name(right.kind())));
}

Result<Value> negate(const Value& operand) {
  if (operand.is(Kind::kInt) || operand.is(Kind::kDuration)) {
    const auto negative = calculate_integers(Operation::kSubtract, 0, operand.integer());
    if (!negative) return fail(negative.error());
    return operand.is(Kind::kInt) ? Value::of_int(*negative)
                                  : Value::of_duration(std::chrono::nanoseconds(*negative));
  }
  if (operand.is(Kind::kDouble)) return Value::of_double(-operand.real());
  return fail(ErrorCode::kInvalidInput, fmt::format("a {} cannot be negated", kind_name(operand.kind())));
}

}  // namespace kintsugi::trust::cel
