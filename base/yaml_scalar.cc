// SPDX-License-Identifier: Apache-2.0
#include "base/yaml_scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <string>

#include "base/escape.h"

namespace kintsugi {
namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes the digits at the front of `rest`.
std::string_view take_digits(std::string_view& rest) {
  const auto end = std::find_if_not(rest.begin(), rest.end(), is_digit);
  const std::string_view digits = rest.substr(0, std::size_t(end - rest.begin()));
  rest.remove_prefix(digits.size());
  return digits;
}

bool take_any(std::string_view& rest, std::string_view any_of) {
  if (rest.empty() || any_of.find(rest.front()) == std::string_view::npos) return false;
  rest.remove_prefix(1);
  return true;
}

/// A decimal number in pieces, as written.
struct Decimal {
  bool negative = false;
  std::string_view whole;  ///< may be empty: ".5"
  bool has_point = false;
  std::string_view fraction;  ///< may be empty: "5."
  std::string_view exponent;  ///< with "e" and sign; empty: none

  /// The JSON spelling: no plus, digits on both sides of the point.
  std::string to_json() const {
    const auto or_zero = [](std::string_view digits) { return digits.empty() ? "0" : digits; };
    std::string text = negative ? "-" : "";
    text += or_zero(whole);
    if (has_point) text.append(".").append(or_zero(fraction));
    return text.append(exponent);
  }
};

/// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
std::optional<Decimal> read_decimal(std::string_view rest) {
  Decimal number;
  number.negative = !rest.empty() && rest.front() == '-';
  take_any(rest, "+-");
  number.whole = take_digits(rest);
  number.has_point = take_any(rest, ".");
  if (number.has_point) number.fraction = take_digits(rest);
  if (number.whole.empty() && number.fraction.empty()) return std::nullopt;
  const std::string_view exponent = rest;
  if (take_any(rest, "eE")) {
    take_any(rest, "+-");
    if (take_digits(rest).empty()) return std::nullopt;
    number.exponent = exponent;
  }
  if (!rest.empty()) return std::nullopt;
  return number;
}

Node make(Node::Kind kind, std::string_view text = {}) {
  Node node;
  node.kind = kind;
  node.text = text;
  return node;
}

/// 0o[0-7]+ or 0x[0-9a-fA-F]+; nothing for any other text.
std::optional<Result<Node>> read_based_integer(std::string_view text) {
  if (text.size() < 3 || text[0] != '0' || (text[1] != 'o' && text[1] != 'x')) return std::nullopt;
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 2, end, value, text[1] == 'o' ? 8 : 16);
  if (stop != end) return std::nullopt;
  if (error != std::errc()) return fail(ErrorCode::kInvalidInput, "integer beyond 64 bits");
  return make(Node::Kind::kNumber, std::to_string(value));
}

bool is_beyond_json(std::string_view text) {
  std::string_view unsigned_text = text;
  take_any(unsigned_text, "+-");
  return is_one_of(unsigned_text, {".inf", ".Inf", ".INF"}) || is_one_of(text, {".nan", ".NaN", ".NAN"});
}

}  // namespace

Result<Node> resolve_plain_scalar(std::string_view text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return Node();
  if (is_one_of(text, {"true", "True", "TRUE", "false", "False", "FALSE"})) {
    Node node = make(Node::Kind::kBoolean);
    node.boolean = text.front() == 't' || text.front() == 'T';
    return node;
  }
  if (auto integer = read_based_integer(text)) return std::move(*integer);
  if (is_beyond_json(text)) {
    return fail(ErrorCode::kInvalidInput, fmt::format("{} is not a number that can be used", text));
  }
  const auto number = read_decimal(text);
  if (!number) return make(Node::Kind::kString, text);
  if (number->whole.size() > 1 && number->whole.front() == '0') {
    return fail(
        ErrorCode::kInvalidInput,
        fmt::format("{} has a leading zero, which some readers take for octal; quote it, or write 0o… "
                    "for octal",
                    escape(text, 40)));
  }
  return make(Node::Kind::kNumber, number->to_json());
}

}  // namespace kintsugi
