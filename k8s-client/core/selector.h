// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kintsugi::k8s {

using Labels = std::map<std::string, std::string>;

enum class SelectorOperator : std::uint8_t { kIn, kNotIn, kExists, kDoesNotExist };

struct LabelRequirement {
  std::string key;
  SelectorOperator operation = SelectorOperator::kExists;
  std::vector<std::string> values;  ///< for kIn and kNotIn, at least one; sorted, unique

  /// kNotIn and kDoesNotExist match where the key is absent.
  bool matches(const Labels& labels) const;
  bool operator==(const LabelRequirement&) const = default;
};

/// metav1.LabelSelector: all entries must match; one without entries matches everything. What an *absent*
/// selector means differs from field to field and is the caller's to know.
struct LabelSelector {
  Labels match_labels;
  std::vector<LabelRequirement> match_expressions;

  bool empty() const { return match_labels.empty() && match_expressions.empty(); }
  bool matches(const Labels& labels) const;
  /// The form of the query parameter labelSelector: "app=web,tier in (a,b),!canary". Empty when empty().
  std::string to_text() const;
  bool operator==(const LabelSelector&) const = default;
};

/// Strict: unknown members, keys and values that no label can have, an operator with the wrong number of
/// values are kInvalidInput, because what is passed over here would match too much. At most 1000 entries of
/// at most 1000 values.
Result<LabelSelector> parse_label_selector(const nlohmann::json& selector);

/// A label key: [DNS subdomain of at most 253 characters "/"] name of at most 63.
bool is_label_key(std::string_view key);
/// A label value: empty, or at most 63 of [A-Za-z0-9._-] with a letter or digit at both ends.
bool is_label_value(std::string_view value);

}  // namespace kintsugi::k8s
