// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/label_selector.h"
#include "sandbox/refusal.h"

namespace kintsugi::sandbox {

/// One requirement of a field selector.
struct FieldRequirement {
  std::string field;  ///< "metadata.name"
  std::string value;
  bool equal = true;
};

/// Which objects a list or watch is about.
struct Selection {
  std::string name_space;  ///< empty: all
  LabelSelector labels;
  std::vector<FieldRequirement> fields;

  bool matches(const nlohmann::json& object) const;
};

/// The text form of labelSelector: "a=b,c!=d,e in (f,g),h notin (i),j,!k". A refusal is a 400.
Answer<LabelSelector> parse_label_selector(std::string_view text);
/// The text form of fieldSelector. Every kind has metadata.name and metadata.namespace, pods also
/// spec.nodeName and status.phase; other fields are refused with 400.
Answer<std::vector<FieldRequirement>> parse_field_selector(const ResourceInfo& info, std::string_view text);

}  // namespace kintsugi::sandbox
