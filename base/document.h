// SPDX-License-Identifier: Apache-2.0
//
// One tree for whatever people or sensors send us, JSON or YAML: every node knows where it stood, numbers
// keep their literal until someone uses them, object members keep their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kintsugi {

/// Where a node starts in its source; lines and columns count from 1, columns in bytes.
struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  bool operator==(const Position&) const = default;
};

/// Bounds that a reader enforces while it reads, before memory is spent.
struct DocumentLimits {
  std::size_t max_bytes = 1u << 20;
  std::size_t max_depth = 64;
  std::size_t max_nodes = 100'000;
};

/// A value with its position. A plain value type: copies are deep, no sharing, no locks needed for reading.
struct Node {
  enum class Kind : std::uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };
  struct Member;

  Kind kind = Kind::kNull;
  bool boolean = false;
  Position position;
  std::string text;             ///< kString: the decoded text; kNumber: the literal as written
  std::vector<Node> items;      ///< kArray
  std::vector<Member> members;  ///< kObject, in source order, keys unique

  /// The member's value, or nullptr where this is no object or has no such key.
  const Node* find(std::string_view key) const;
  /// A kNumber that is an integer within int64 (also "1e3", "5.0"), else an error that says which it is.
  Result<std::int64_t> as_integer() const;
};

struct Node::Member {
  std::string key;
  Position key_position;
  Node value;
};

/// "null", "boolean", "number", "string", "array", "object".
std::string_view kind_name(Node::Kind kind);

/// Reads one JSON text (RFC 8259) and nothing after it. Strict: UTF-8 only, no repeated keys, no lone
/// surrogates, no comments. Numbers are checked for form but not for range. Errors name line, column and
/// byte.
Result<Node> parse_json_document(std::string_view text, const DocumentLimits& limits = {});

/// As parse_json_document for a reader that uses few members: those whose key is not in `keys` (sorted) are
/// checked as strictly, but kept as nulls and not counted, so that what is not used costs no memory.
Result<Node> parse_json_members(std::string_view text, std::span<const std::string_view> keys,
                                const DocumentLimits& limits = {});

/// Reads YAML documents separated by "---" lines; empty ones are left out. The limits hold for the whole
/// text.
///
/// A strict subset of YAML 1.2 with the core schema: UTF-8 without other control characters than tab and line
/// ends, no tab in indentation, unique string keys, no anchors and aliases, no merge keys, no tags but !!str.
/// "yes", "no" and "on" are strings. Octal (0o17) and hexadecimal (0x1F) integers become decimal literals; a
/// leading zero, which other readers take for octal, and .inf and .nan, which JSON cannot say, are refused.
/// Errors name line and column.
Result<std::vector<Node>> parse_yaml_documents(std::string_view text, const DocumentLimits& limits = {});

/// As above where one document is expected: a second one is an error, none is a null.
Result<Node> parse_yaml_document(std::string_view text, const DocumentLimits& limits = {});

/// For documents that are sent on or patched. Fails where a number does not fit (an integer literal beyond
/// 64 bits, a float beyond double).
Result<nlohmann::json> to_json(const Node& node);

/// parse_json_document, then to_json.
Result<nlohmann::json> parse_json(std::string_view text, const DocumentLimits& limits = {});

/// A Node from an API object; positions are all 1:1.
Node from_json(const nlohmann::json& value);

}  // namespace kintsugi
