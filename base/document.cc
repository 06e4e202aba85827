// SPDX-License-Identifier: Apache-2.0
#include "base/document.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace kintsugi {
namespace {

bool is_integer_literal(std::string_view text) {
  return text.find_first_of(".eE") == std::string_view::npos;
}

Result<nlohmann::json> number_to_json(const std::string& text) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  if (is_integer_literal(text)) {
    std::int64_t integer = 0;
    if (std::from_chars(begin, end, integer).ec == std::errc()) return nlohmann::json(integer);
    std::uint64_t natural = 0;
    if (text.front() != '-' && std::from_chars(begin, end, natural).ec == std::errc())
      return nlohmann::json(natural);
    return fail(ErrorCode::kInvalidInput, "integer beyond 64 bits");
  }
  double real = 0;
  const auto [pointer, error] = std::from_chars(begin, end, real);
  if (error != std::errc() || !std::isfinite(real))
    return fail(ErrorCode::kInvalidInput, "number out of range");
  return nlohmann::json(real);
}

Result<void> append_json(const Node& node, nlohmann::json& out);

Result<void> append_children(const Node& node, nlohmann::json& out) {
  if (node.kind == Node::Kind::kArray) {
    out = nlohmann::json::array();
    for (const Node& item : node.items) {
      nlohmann::json child;
      if (auto done = append_json(item, child); !done) return done;
      out.push_back(std::move(child));
    }
    return {};
  }
  out = nlohmann::json::object();
  for (const Node::Member& member : node.members) {
    nlohmann::json child;
    if (auto done = append_json(member.value, child); !done) return done;
    out.emplace(member.key, std::move(child));
  }
  return {};
}

Result<void> append_json(const Node& node, nlohmann::json& out) {
  switch (node.kind) {
    case Node::Kind::kNull: out = nullptr; return {};
    case Node::Kind::kBoolean: out = node.boolean; return {};
    case Node::Kind::kString: out = node.text; return {};
    case Node::Kind::kNumber: {
      auto number = number_to_json(node.text);
      if (!number) return tl::unexpected(std::move(number).error());
      out = std::move(*number);
      return {};
    }
    case Node::Kind::kArray:
    case Node::Kind::kObject: return append_children(node, out);
  }
  return {};
}

}  // namespace

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull: return "null";
    case Node::Kind::kBoolean: return "boolean";
    case Node::Kind::kNumber: return "number";
    case Node::Kind::kString: return "string";
    case Node::Kind::kArray: return "array";
    case Node::Kind::kObject: return "object";
  }
  return "null";
}

const Node* Node::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

Result<std::int64_t> Node::as_integer() const {
  if (kind != Kind::kNumber) {
    return fail(ErrorCode::kInvalidInput, "expected an integer, found " + std::string(kind_name(kind)));
  }
  auto number = number_to_json(text);
  if (!number) return fail(std::move(number).error());
  if (number->is_number_unsigned() && number->get<std::uint64_t>() > std::uint64_t(INT64_MAX)) {
    return fail(ErrorCode::kInvalidInput, "integer beyond 64 bits");
  }
  if (number->is_number_integer()) return number->get<std::int64_t>();
  const double real = number->get<double>();
  // Above 2^53 a double no longer holds each integer: what was meant cannot be known.
  if (std::trunc(real) != real || std::abs(real) > 9007199254740992.0) {
    return fail(ErrorCode::kInvalidInput, "not an exact integer");
  }
  return std::int64_t(real);
}

Result<nlohmann::json> to_json(const Node& node) {
  nlohmann::json out;
  if (auto done = append_json(node, out); !done) return tl::unexpected(std::move(done).error());
  return out;
}

Result<nlohmann::json> parse_json(std::string_view text, const DocumentLimits& limits) {
  auto document = parse_json_document(text, limits);
  if (!document) return tl::unexpected(std::move(document).error());
  return to_json(*document);
}

Node from_json(const nlohmann::json& value) {
  Node node;
  if (value.is_boolean()) {
    node.kind = Node::Kind::kBoolean;
    node.boolean = value.get<bool>();
  } else if (value.is_number()) {
    node.kind = Node::Kind::kNumber;
    node.text = value.dump();
  } else if (value.is_string()) {
    node.kind = Node::Kind::kString;
    node.text = value.get<std::string>();
  } else if (value.is_array()) {
    node.kind = Node::Kind::kArray;
    for (const auto& item : value) node.items.push_back(from_json(item));
  } else if (value.is_object()) {
    node.kind = Node::Kind::kObject;
    for (const auto& [key, item] : value.items()) node.members.push_back({key, {}, from_json(item)});
  }
  return node;
}

}  // namespace kintsugi
