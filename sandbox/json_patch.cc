// SPDX-License-Identifier: Apache-2.0
#include "sandbox/json_patch.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/fields.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

/// The reference tokens of an RFC 6901 pointer, decoded; none where it is malformed or names the whole document.
std::vector<std::string> tokens_of(std::string_view pointer) {
  std::vector<std::string> tokens;
  if (pointer.empty() || pointer.front() != '/') return tokens;
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      tokens.emplace_back();
    } else if (pointer[i] == '~' && i + 1 < pointer.size() && (pointer[i + 1] == '0' || pointer[i + 1] == '1')) {
      tokens.back() += pointer[++i] == '0' ? '~' : '/';
    } else {
      tokens.back() += pointer[i];
    }
  }
  return tokens;
}

std::optional<std::size_t> index_of(const std::string& token) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (error != std::errc() || end != token.data() + token.size()) return std::nullopt;
  return index;
}

json* child(json& parent, const std::string& token) {
  if (parent.is_object()) {
    const auto member = parent.find(token);
    return member == parent.end() ? nullptr : &*member;
  }
  if (!parent.is_array()) return nullptr;
  const auto index = index_of(token);
  return index && *index < parent.size() ? &parent[*index] : nullptr;
}

/// Where an operation works: an existing object or array, and the member of it.
struct Place {
  json* parent = nullptr;
  std::string token;
};

Place find_place(json& document, const std::string& pointer) {
  std::vector<std::string> tokens = tokens_of(pointer);
  if (tokens.empty()) return {};
  json* parent = &document;
  for (std::size_t i = 0; i + 1 < tokens.size() && parent != nullptr; ++i) parent = child(*parent, tokens[i]);
  if (parent == nullptr || !parent->is_structured()) return {};
  return {parent, std::move(tokens.back())};
}

bool add(const Place& place, json value) {
  if (place.parent->is_object()) {
    (*place.parent)[place.token] = std::move(value);
    return true;
  }
  const std::optional<std::size_t> index = place.token == "-" ? place.parent->size() : index_of(place.token);
  if (!index || *index > place.parent->size()) return false;
  place.parent->insert(place.parent->begin() + static_cast<json::difference_type>(*index), std::move(value));
  return true;
}

bool replace(const Place& place, json value) {
  if (place.parent->is_object()) return add(place, std::move(value));
  json* target = child(*place.parent, place.token);
  if (target == nullptr) return false;
  *target = std::move(value);
  return true;
}

bool remove(const Place& place) {
  if (child(*place.parent, place.token) == nullptr) return false;
  if (place.parent->is_object()) return place.parent->erase(place.token) == 1;
  place.parent->erase(*index_of(place.token));
  return true;
}

bool test(const Place& place, const json& expected) {
  const json* actual = child(*place.parent, place.token);
  if (actual == nullptr) return place.parent->is_object() && expected.is_null();
  return *actual == expected;
}

bool transfer(json& document, const json& operation, const Place& to, bool keep) {
  const Place from = find_place(document, text(operation, {"from"}));
  if (from.parent == nullptr) return false;
  const json* source = child(*from.parent, from.token);
  if (source == nullptr) return false;
  json value = *source;
  if (keep) return add(to, std::move(value));
  if (!remove(from)) return false;
  const Place target = find_place(document, text(operation, {"path"}));
  return target.parent != nullptr && add(target, std::move(value));
}

bool apply(json& document, const json& operation) {
  const std::string op = text(operation, {"op"});
  const Place place = find_place(document, text(operation, {"path"}));
  if (place.parent == nullptr) return false;
  if (op == "remove") return remove(place);
  if (op == "move" || op == "copy") return transfer(document, operation, place, op == "copy");
  if (!operation.contains("value")) return false;
  if (op == "add") return add(place, operation["value"]);
  if (op == "replace") return replace(place, operation["value"]);
  return op == "test" && test(place, operation["value"]);
}

}  // namespace

bool apply_json_patch(json& document, const json& operations) {
  for (const json& operation : operations)
    if (!operation.is_object() || !apply(document, operation)) return false;
  return true;
}

}  // namespace kintsugi::sandbox
