// SPDX-License-Identifier: Apache-2.0
//
// Equality, order and membership of values.
#include <fmt/format.h>

#include <cmath>

#include "trust/attestation/condition_operators.h"

namespace kintsugi::trust::cel {
namespace {

double as_double(const Value& number) {
  return number.is(Value::Kind::kInt) ? double(number.integer()) : number.real();
}

bool equal_lists(const Value& left, const Value& right, Budget& budget) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (!equal(left.item(i), right.item(i), budget)) return false;
  }
  return true;
}

bool equal_maps(const Value& left, const Value& right, Budget& budget) {
  if (left.size() != right.size()) return false;
  for (const Node::Member& member : left.map().members) {
    const Node* const other = find_member(right, member.key, budget);
    if (other == nullptr || !equal(Value::of_node(member.value), Value::of_node(*other), budget))
      return false;
  }
  return true;
}

template <class T>
Value ordered(Operation operation, const T& left, const T& right) {
  switch (operation) {
    case Operation::kLess: return Value::of_bool(left < right);
    case Operation::kLessOrEqual: return Value::of_bool(left <= right);
    case Operation::kGreater: return Value::of_bool(left > right);
    default: return Value::of_bool(left >= right);
  }
}

}  // namespace

bool equal(const Value& left, const Value& right, Budget& budget) {
  if (!budget.spend(1)) return false;
  // As the implementations of CEL do: by way of double, which is not exact above 2^53.
  if (left.is_number() && right.is_number() && left.kind() != right.kind())
    return as_double(left) == as_double(right);
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Value::Kind::kNull: return true;
    case Value::Kind::kBool:
    case Value::Kind::kInt:
    case Value::Kind::kTimestamp:
    case Value::Kind::kDuration: return left.integer() == right.integer();
    case Value::Kind::kDouble: return left.real() == right.real();
    case Value::Kind::kString:
      return left.size() == right.size() && budget.spend_bytes(left.size()) && left.text() == right.text();
    case Value::Kind::kList: return equal_lists(left, right, budget);
    case Value::Kind::kMap: return equal_maps(left, right, budget);
  }
  return false;
}

Result<Value> compare(Operation operation, const Value& left, const Value& right, Budget& budget) {
  if (left.is_number() && right.is_number()) {
    if (left.is(Value::Kind::kInt) && right.is(Value::Kind::kInt))
      return ordered(operation, left.integer(), right.integer());
    if (std::isnan(as_double(left)) || std::isnan(as_double(right)))
      return fail(ErrorCode::kInvalidInput, "what is not a number has no order");
    return ordered(operation, as_double(left), as_double(right));
  }
  const bool has_order = left.is(Value::Kind::kBool) || left.is(Value::Kind::kString) ||
                         left.is(Value::Kind::kTimestamp) || left.is(Value::Kind::kDuration);
  if (left.kind() != right.kind() || !has_order) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{} and {} have no order", kind_name(left.kind()), kind_name(right.kind())));
  }
  if (!left.is(Value::Kind::kString)) return ordered(operation, left.integer(), right.integer());
  budget.spend_bytes(std::min(left.size(), right.size()));
  return ordered(operation, left.text(), right.text());
}

Result<Value> is_in(const Value& needle, const Value& haystack, Budget& budget) {
  if (haystack.is(Value::Kind::kMap)) {
    const bool is_found = needle.is(Value::Kind::kString) && find_member(haystack, needle.text(), budget);
    return Value::of_bool(is_found);
  }
  if (!haystack.is(Value::Kind::kList)) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("'in' takes a list or a map, not a {}", kind_name(haystack.kind())));
  }
  for (std::size_t i = 0; i < haystack.size() && !budget.is_exhausted(); ++i) {
    if (equal(needle, haystack.item(i), budget)) return Value::of_bool(true);
  }
  return Value::of_bool(false);
}

}  // namespace kintsugi::trust::cel
