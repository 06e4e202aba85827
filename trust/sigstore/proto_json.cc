// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/proto_json.h"

#include <charconv>
#include <chrono>
#include <optional>

#include "base/encoding.h"

namespace kintsugi::trust {
namespace {

/// Only one spelling of each number: no sign, no leading zeros, no spaces.
std::optional<std::int64_t> parse_natural(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  if (std::to_string(value) != text) return std::nullopt;
  return value;
}

}  // namespace

bool read_bytes(ObjectReader& reader, std::string_view key, std::string& out, Presence presence,
                std::size_t max_bytes) {
  std::string text;
  if (!reader.string(key, text, presence, {.max_bytes = (max_bytes + 2) / 3 * 4})) return false;
  auto bytes = base64_decode(text);
  if (!bytes || bytes->empty() || bytes->size() > max_bytes) {
    reader.report(key, bytes && bytes->empty() ? "is empty" : bytes ? "is too long" : "is no base64");
    return false;
  }
  out = std::move(*bytes);
  return true;
}

bool read_natural(ObjectReader& reader, std::string_view key, std::int64_t& out, Presence presence) {
  const Node* node = reader.member(key, presence);
  if (node == nullptr) return false;
  std::optional<std::int64_t> value;
  if (node->kind == Node::Kind::kString || node->kind == Node::Kind::kNumber)
    value = parse_natural(node->text);
  if (!value) {
    reader.report(key, "is no integer of 0 to 2^63-1");
    return false;
  }
  out = *value;
  return true;
}

bool read_seconds(ObjectReader& reader, std::string_view key, WallTime& out, Presence presence) {
  constexpr auto kLast = std::chrono::floor<std::chrono::seconds>(WallTime::max().time_since_epoch());
  std::int64_t seconds = 0;
  if (!read_natural(reader, key, seconds, presence)) return false;
  if (seconds > kLast.count()) {
    reader.report(key, "is out of range");
    return false;
  }
  out = WallTime(std::chrono::seconds(seconds));
  return true;
}

}  // namespace kintsugi::trust
