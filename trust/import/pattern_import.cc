// SPDX-License-Identifier: Apache-2.0
#include "trust/import/pattern_import.h"

#include <string_view>

#include "trust/sigstore/text_rule.h"

namespace kintsugi::trust {
namespace {

constexpr char kAnything[] = "(?s:.*)";

/// The last character stands for itself where an odd number of backslashes is before it.
bool ends_with_anchor(std::string_view pattern) {
  if (!pattern.ends_with('$')) return false;
  pattern.remove_suffix(1);
  const std::size_t last = pattern.find_last_not_of('\\');
  return (pattern.size() - (last == std::string_view::npos ? 0 : last + 1)) % 2 == 0;
}

/// Without anchors at the ends; empty where it is not plain that they are what they look like: "|" binds less
/// than they do, and "(?m)" gives them another meaning.
std::string without_anchors(std::string_view pattern) {
  if (pattern.find('|') != std::string_view::npos || pattern.find("(?") != std::string_view::npos) return {};
  const bool at_start = pattern.starts_with('^');
  const bool at_end = ends_with_anchor(pattern);
  if (!at_start && !at_end) return {};
  if (at_start) pattern.remove_prefix(1);
  if (at_end && !pattern.empty()) pattern.remove_suffix(1);
  // What cannot stand alone was bound to the anchor, as in "^*a".
  if (pattern.empty() || !TextRule::matching(std::string(pattern))) return {};
  return (at_start ? "" : kAnything) + std::string(pattern) + (at_end ? "" : kAnything);
}

}  // namespace

Result<std::string> translate_pattern(const std::string& pattern) {
  if (pattern.find("\\Q") != std::string::npos) {
    return fail(make_error(ErrorCode::kUnsupported, "a pattern with \\Q").advise("escape each character"));
  }
  if (pattern.find("\\C") != std::string::npos) return fail(ErrorCode::kInvalidInput, "Go has no \\C");
  if (const auto alone = TextRule::matching(pattern); !alone) return fail(alone.error());
  std::string whole = without_anchors(pattern);
  if (whole.empty()) whole = kAnything + ("(?:" + pattern + ")") + kAnything;
  if (const auto rule = TextRule::matching(whole); !rule) return fail(rule.error());
  return whole;
}

}  // namespace kintsugi::trust
