// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/document.h"

namespace kintsugi {

/// The text of a string member, alive as long as `object`; nullptr where there is no such member.
inline const std::string* find_text(const Node& object, std::string_view key) {
  const Node* member = object.find(key);
  return member != nullptr && member->kind == Node::Kind::kString ? &member->text : nullptr;
}

/// The same, empty where there is no such member.
inline std::string text_of(const Node& object, std::string_view key) {
  const std::string* text = find_text(object, key);
  return text == nullptr ? std::string() : *text;
}

}  // namespace kintsugi
