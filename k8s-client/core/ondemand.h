// SPDX-License-Identifier: Apache-2.0
//
// What the readers of this project share of simdjson's On-Demand interface. For .cc files only: it is the one
// header that includes simdjson.
#pragma once

#include <simdjson.h>

#include <string_view>

#include "k8s-client/core/raw_json.h"

namespace kintsugi::k8s {

static_assert(RawJson::kPadding >= simdjson::SIMDJSON_PADDING);

/// The text of an object or array, without the white space behind it; INCORRECT_TYPE for anything else.
inline simdjson::simdjson_result<std::string_view> raw_structure(simdjson::ondemand::value value) {
  simdjson::ondemand::json_type type;
  if (const auto error = value.type().get(type)) return error;
  if (type != simdjson::ondemand::json_type::object && type != simdjson::ondemand::json_type::array) {
    return simdjson::INCORRECT_TYPE;
  }
  return simdjson::to_json_string(value);
}

/// Calls `on_field(key, value)` for each member of the one object that `json` must be, with nothing after it.
/// `on_field` returns a simdjson::error_code; the first that is none ends the walk. Values not used are
/// skipped.
template <class OnField>
simdjson::error_code read_object(simdjson::ondemand::parser& parser, RawJson json, const OnField& on_field) {
  simdjson::ondemand::document document;
  simdjson::ondemand::object object;
  if (const auto error = parser.iterate(json.text.data(), json.text.size(), json.capacity()).get(document))
    return error;
  if (const auto error = document.get_object().get(object)) return error;
  for (auto member : object) {
    simdjson::ondemand::field field;
    std::string_view key;
    if (const auto error = std::move(member).get(field)) return error;
    if (const auto error = field.unescaped_key().get(key)) return error;
    if (const simdjson::error_code error = on_field(key, field.value())) return error;
  }
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS ? simdjson::SUCCESS
                                                                        : simdjson::TRAILING_CONTENT;
}

}  // namespace kintsugi::k8s
