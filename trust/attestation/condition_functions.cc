// SPDX-License-Identifier: Apache-2.0
//
// Functions of values.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "base/escape.h"
#include "base/time.h"
#include "trust/attestation/condition_operators.h"

namespace kintsugi::trust::cel {
namespace {

using Kind = Value::Kind;

tl::unexpected<Error> wrong_kind(std::string_view function, const Value& operand) {
  return fail(ErrorCode::kInvalidInput,
              fmt::format("{}() is not for a {}", function, kind_name(operand.kind())));
}

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
/// Longer names first where one begins with another.
constexpr std::array<Unit, 8> kUnits{{{"ns", 1},
                                      {"us", 1'000},
                                      {"\u00B5s", 1'000},
                                      {"\u03BCs", 1'000},
                                      {"ms", 1'000'000},
                                      {"s", 1'000'000'000},
                                      {"m", 60'000'000'000},
                                      {"h", 3'600'000'000'000}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// One "1.5h" off the front of `rest`. False for what is none, or beyond 64 bits.
bool take_part(std::string_view& rest, std::int64_t& sum) {
  std::int64_t whole = 0;
  std::size_t digits = 0;
  for (; !rest.empty() && is_digit(rest.front()); rest.remove_prefix(1), ++digits) {
    if (__builtin_mul_overflow(whole, 10, &whole) ||
        __builtin_add_overflow(whole, rest.front() - '0', &whole))
      return false;
  }
  std::string_view fraction;
  if (rest.starts_with('.')) {
    const auto end = std::find_if_not(rest.begin() + 1, rest.end(), is_digit);
    fraction = rest.substr(1, std::size_t(end - rest.begin()) - 1);
    rest.remove_prefix(fraction.size() + 1);
  }
  if (digits + fraction.size() == 0) return false;
  const auto unit =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& one) { return rest.starts_with(one.name); });
  if (unit == kUnits.end()) return false;
  rest.remove_prefix(unit->name.size());
  std::int64_t part = 0;
  if (__builtin_mul_overflow(whole, unit->nanoseconds, &part)) return false;
  std::int64_t place = unit->nanoseconds;
  for (std::size_t i = 0; i < fraction.size() && place % 10 == 0; ++i) {
    place /= 10;
    if (__builtin_add_overflow(part, place * (fraction[i] - '0'), &part)) return false;
  }
  return !__builtin_add_overflow(sum, part, &sum);
}

/// "1h30m", "-1.5s", "0": as Go writes durations, which is what CEL's implementations read.
Result<std::chrono::nanoseconds> parse_duration_text(std::string_view text) {
  std::string_view rest = text;
  const bool is_negative = rest.starts_with('-');
  if (is_negative || rest.starts_with('+')) rest.remove_prefix(1);
  std::int64_t sum = 0;
  bool good = !rest.empty();
  if (rest == "0") rest = {};
  while (good && !rest.empty()) good = take_part(rest, sum);
  if (!good) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("not a duration of CEL such as 36h or 1h30m: '{}'", escape(text, 64)));
  }
  return std::chrono::nanoseconds(is_negative ? -sum : sum);
}

/// RFC 3339 has spellings that CEL's implementations do not read.
bool is_strict_time(std::string_view text) {
  return text.size() > 19 && text[10] == 'T' && !text.ends_with('z') && text.substr(17, 2) != "60";
}

}  // namespace

const Node* find_member(const Value& map, std::string_view key, Budget& budget) {
  return budget.spend_lookup(map.size()) ? map.map().find(key) : nullptr;
}

Result<Value> size_of(const Value& operand, Budget& budget) {
  switch (operand.kind()) {
    case Kind::kString: {
      if (!budget.spend_bytes(operand.size())) return Value();
      const std::string_view text = operand.text();
      const auto is_first = [](char c) { return (std::uint8_t(c) & 0xC0) != 0x80; };
      return Value::of_int(std::count_if(text.begin(), text.end(), is_first));
    }
    case Kind::kList:
    case Kind::kMap: return Value::of_int(std::int64_t(operand.size()));
    default: return wrong_kind("size", operand);
  }
}

Result<Value> search(Operation operation, const Value& text, const Value& part, Budget& budget) {
  if (!text.is(Kind::kString)) return wrong_kind("a text function", text);
  if (!part.is(Kind::kString)) return wrong_kind("a text function", part);
  const std::string_view whole = text.text();
  switch (operation) {
    case Operation::kStartsWith:
      return Value::of_bool(budget.spend_bytes(part.size()) && whole.starts_with(part.text()));
    case Operation::kEndsWith:
      return Value::of_bool(budget.spend_bytes(part.size()) && whole.ends_with(part.text()));
    default: {
      if (!budget.spend_bytes(whole.size() + part.size())) return Value();
      // Unlike the searches of the standard library it takes linear time for long texts made to slow it down.
      const bool is_found = memmem(whole.data(), whole.size(), part.text().data(), part.size()) != nullptr;
      return Value::of_bool(is_found);
    }
  }
}

Result<Value> to_timestamp(const Value& operand, Budget& budget) {
  if (operand.is(Kind::kTimestamp)) return operand;
  if (!operand.is(Kind::kString)) return wrong_kind("timestamp", operand);
  if (!budget.spend_bytes(operand.size())) return Value();
  const auto time = parse_rfc3339(operand.text());
  if (!time || !is_strict_time(operand.text())) {
    return fail(ErrorCode::kInvalidInput, fmt::format("not an RFC 3339 time of the years 1970 to 2261: '{}'",
                                                      escape(operand.text(), 64)));
  }
  return Value::of_time(*time);
}

Result<Value> to_duration(const Value& operand, Budget& budget) {
  if (operand.is(Kind::kDuration)) return operand;
  if (!operand.is(Kind::kString)) return wrong_kind("duration", operand);
  if (!budget.spend_bytes(operand.size())) return Value();
  return parse_duration_text(operand.text()).map(Value::of_duration);
}

}  // namespace kintsugi::trust::cel
