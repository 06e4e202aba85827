// SPDX-License-Identifier: Apache-2.0
#include "base/label_selector_text.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/escape.h"
#include "base/kubernetes_name.h"

namespace kintsugi {
namespace {

using Operator = LabelRequirement::Operator;

constexpr std::size_t kMaxSelectorBytes = 4096;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// The text up to the next comma that is in no brackets; `rest` is what comes after it.
std::string_view take_requirement(std::string_view& rest) {
  int depth = 0;
  std::size_t end = 0;
  for (; end < rest.size() && (depth > 0 || rest[end] != ','); ++end) {
    if (rest[end] == '(') ++depth;
    if (rest[end] == ')') --depth;
  }
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trimmed(taken);
}

/// "(b, c)"; false where it is no such list.
bool read_values(std::string_view text, std::vector<std::string>& values) {
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') return false;
  text = text.substr(1, text.size() - 2);
  if (text.find_first_of("()") != std::string_view::npos) return false;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    values.emplace_back(trimmed(text.substr(0, comma)));
    if (comma == text.size()) return true;
    text.remove_prefix(comma + 1);
  }
}

/// False where it is none of the forms; names are looked at later.
bool read_requirement(std::string_view text, LabelRequirement& out) {
  if (text.starts_with('!')) {
    out = {std::string(trimmed(text.substr(1))), Operator::kDoesNotExist, {}};
    return true;
  }
  const std::size_t equals = text.find('=');
  if (equals != std::string_view::npos) {
    const bool is_negated = equals > 0 && text[equals - 1] == '!';
    const std::string_view key = trimmed(text.substr(0, is_negated ? equals - 1 : equals));
    std::string_view value = text.substr(equals + 1);
    if (!is_negated && value.starts_with('=')) value.remove_prefix(1);
    out = {std::string(key), is_negated ? Operator::kNotIn : Operator::kIn, {std::string(trimmed(value))}};
    return true;
  }
  const std::size_t space = std::min(text.find(' '), text.size());
  out.key = std::string(text.substr(0, space));
  const std::string_view rest = trimmed(text.substr(space));
  if (rest.empty()) return true;
  const bool is_negated = rest.starts_with("notin");
  if (!is_negated && !rest.starts_with("in")) return false;
  out.op = is_negated ? Operator::kNotIn : Operator::kIn;
  return read_values(trimmed(rest.substr(is_negated ? 5 : 2)), out.values);
}

bool is_well_named(const LabelRequirement& requirement) {
  if (!is_label_key(requirement.key)) return false;
  for (const std::string& value : requirement.values)
    if (!is_label_value(value)) return false;
  return true;
}

}  // namespace

Result<LabelSelector> parse_label_selector(std::string_view text) {
  if (text.size() > kMaxSelectorBytes)
    return fail(ErrorCode::kTooLarge, "a label selector has at most 4096 bytes");
  LabelSelector selector;
  std::string_view rest = trimmed(text);
  while (!rest.empty()) {
    const bool ends_with_comma = rest.back() == ',';
    const std::string_view part = take_requirement(rest);
    LabelRequirement requirement;
    const bool is_last = rest.empty();
    if (!read_requirement(part, requirement) || !is_well_named(requirement) || (is_last && ends_with_comma)) {
      return fail(
          make_error(ErrorCode::kInvalidInput,
                     "not a requirement of a label selector: '" + escape(part, 256) + "'")
              .advise("write a=b, a!=b, a in (b,c), a notin (b,c), a or !a, with commas between them"));
    }
    selector.match_expressions.push_back(std::move(requirement));
  }
  return selector;
}

}  // namespace kintsugi
