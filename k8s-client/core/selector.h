// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/label_selector.h"
#include "base/result.h"

namespace kintsugi::k8s {

/// A metav1.LabelSelector of an API object. What an *absent* selector means differs from field to field and
/// is the caller's to know. Strict: unknown members, keys and values that no label can have, an operator with
/// the wrong number of values are kInvalidInput, because what is passed over here would match too much. At
/// most 1000 entries of at most 1000 values; values come out sorted and unique.
Result<LabelSelector> parse_label_selector(const nlohmann::json& selector);

/// The query parameter labelSelector: "app=web,tier in (a,b),!canary"; empty for a selector that matches
/// everything.
std::string label_selector_query(const LabelSelector& selector);

/// A label key: [DNS subdomain of at most 253 characters "/"] name of at most 63.
bool is_label_key(std::string_view key);
/// A label value: empty, or at most 63 of [A-Za-z0-9._-] with a letter or digit at both ends.
bool is_label_value(std::string_view value);

}  // namespace kintsugi::k8s
