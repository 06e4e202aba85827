// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kintsugi {

using Labels = std::map<std::string, std::string, std::less<>>;

/// One entry of `matchExpressions`, with the API server's semantics.
struct LabelRequirement {
  enum class Operator : std::uint8_t { kIn, kNotIn, kExists, kDoesNotExist };

  std::string key;
  Operator op = Operator::kExists;
  std::vector<std::string> values;  ///< for kIn and kNotIn

  /// kNotIn and kDoesNotExist hold where the key is absent.
  bool matches(const Labels& labels) const;
  bool operator==(const LabelRequirement&) const = default;
};

/// A metav1.LabelSelector: all of match_labels and all of match_expressions. An empty one matches everything.
struct LabelSelector {
  Labels match_labels;
  std::vector<LabelRequirement> match_expressions;

  bool empty() const { return match_labels.empty() && match_expressions.empty(); }
  bool matches(const Labels& labels) const;
  /// The API's text form, "a=b,c in (d,e),!f"; "<all>" when empty.
  std::string to_string() const;
  bool operator==(const LabelSelector&) const = default;
};

/// "In", "NotIn", "Exists", "DoesNotExist".
std::string_view to_string(LabelRequirement::Operator op);

}  // namespace kintsugi
