// SPDX-License-Identifier: Apache-2.0
#include "signals/event_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/escape.h"
#include "base/kubernetes_name.h"
#include "base/machine_name.h"
#include "base/strict_reader.h"
#include "base/time.h"

namespace kintsugi::signals {
namespace {

constexpr std::size_t kMostElements = 1000;
constexpr std::size_t kMostTags = 100;
constexpr std::size_t kMostIdentifierBytes = 256;

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return std::uint8_t(c) < 0x20 || c == '\x7F'; });
}

/// What keeps a text from being an identifier; empty: nothing.
std::string identifier_problem(std::string_view value) {
  if (value.size() > kMostIdentifierBytes) {
    return fmt::format("{} bytes, at most {} are read", value.size(), kMostIdentifierBytes);
  }
  if (!has_control_character(value)) return {};
  return fmt::format("control character in '{}'", escape(value, kShownBytes));
}

std::string wrong_type(std::string_view expected, const Node& found) {
  return fmt::format("expected {}, found {}", expected, kind_name(found.kind));
}

}  // namespace

EventReader::EventReader(const Node& object, std::optional<Error>& error) : EventReader(&object, "", error) {
  if (object.kind != Node::Kind::kObject) refuse_at("", wrong_type("an object", object));
}

EventReader::EventReader(const Node* object, std::string path, std::optional<Error>& error)
    : object_(object), path_(std::move(path)), error_(&error) {}

EventReader EventReader::object(std::string_view key) const {
  const Node* node = present(key);
  if (node && node->kind != Node::Kind::kObject) {
    refuse_type(key, "an object", *node);
    node = nullptr;
  }
  return {node, join_path(path_, key), *error_};
}

const Node* EventReader::mentioned(std::string_view key) const {
  const Node* const node = object_ ? object_->find(key) : nullptr;
  if (!node || node->kind == Node::Kind::kNull) return nullptr;
  return node->kind == Node::Kind::kString && node->text.empty() ? nullptr : node;
}

const Node* EventReader::present(std::string_view key) const {
  const Node* const node = mentioned(key);
  return node && node->kind == Node::Kind::kString && node->text == "<NA>" ? nullptr : node;
}

std::string EventReader::text(std::string_view key) const {
  const Node* const node = present(key);
  if (!node) return {};
  if (node->kind == Node::Kind::kString) return node->text;
  refuse_type(key, "a string", *node);
  return {};
}

std::string EventReader::required(std::string_view key) const {
  std::string value = text(key);
  if (value.empty()) refuse(key, "missing");
  return value;
}

std::string EventReader::identifier(std::string_view key) const {
  std::string value = text(key);
  if (std::string problem = identifier_problem(value); !problem.empty()) refuse(key, std::move(problem));
  return value;
}

std::string EventReader::pod_name(std::string_view key) const {
  return name(key, is_dns_subdomain, 253);
}

std::string EventReader::namespace_name(std::string_view key) const {
  return name(key, is_dns_label, 63);
}

std::string EventReader::name(std::string_view key, bool (*is_valid)(std::string_view),
                              std::size_t most) const {
  std::string value = text(key);
  if (value.size() > most) {
    refuse(key, fmt::format("{} bytes, a Kubernetes name has at most {}", value.size(), most));
  } else if (!value.empty() && !is_valid(value)) {
    refuse(key, fmt::format("'{}' is no Kubernetes name", escape(value, kShownBytes)));
  }
  return value;
}

std::string EventReader::uuid(std::string_view key) const {
  const std::string value = text(key);
  auto normal = normal_uuid(value);
  if (!normal && !value.empty()) refuse(key, fmt::format("'{}' is no UUID", escape(value, kShownBytes)));
  return std::move(normal).value_or("");
}

std::string EventReader::mac(std::string_view key) const {
  const std::string value = text(key);
  auto normal = normal_mac(value);
  if (!normal && !value.empty()) {
    refuse(key, fmt::format("'{}' is no MAC address (52:54:00:aa:bb:cc)", escape(value, kShownBytes)));
  } else if (normal && is_shared_mac(*normal)) {
    refuse(key, fmt::format("{} is not the address of a single network card", *normal));
  }
  return std::move(normal).value_or("");
}

std::string EventReader::address(std::string_view key) const {
  const std::string value = text(key);
  auto normal = normal_address(value);
  if (!normal && !value.empty()) {
    refuse(key, fmt::format("'{}' is no IP address", escape(value, kShownBytes)));
  } else if (normal && is_shared_address(*normal)) {
    refuse(key, fmt::format("{} is not the address of a single machine", *normal));
  }
  return std::move(normal).value_or("");
}

std::optional<WallTime> EventReader::time(std::string_view key) const {
  const std::string value = text(key);
  if (value.empty()) return std::nullopt;
  auto time = parse_rfc3339(value);
  if (time) return *time;
  refuse(key, fmt::format("'{}' is no RFC 3339 time", escape(value, kShownBytes)));
  return std::nullopt;
}

std::optional<std::int64_t> EventReader::integer(std::string_view key) const {
  const Node* const node = present(key);
  if (!node) return std::nullopt;
  if (node->kind != Node::Kind::kNumber) {
    refuse_type(key, "a number", *node);
    return std::nullopt;
  }
  const auto value = node->as_integer();
  if (value) return *value;
  refuse(key, fmt::format("{}: {}", escape(node->text, kShownBytes), value.error().message), kInexactNumber);
  return std::nullopt;
}

const std::vector<Node>* EventReader::list(std::string_view key) const {
  const Node* const node = present(key);
  if (!node) return nullptr;
  if (node->kind == Node::Kind::kArray) return &node->items;
  refuse_type(key, "an array", *node);
  return nullptr;
}

std::vector<std::string> EventReader::tags(std::string_view key) const {
  const std::vector<Node>* const items = list(key);
  if (!items) return {};
  if (items->size() > kMostTags) {
    refuse(key, fmt::format("{} tags, at most {} are read", items->size(), kMostTags));
    return {};
  }
  std::vector<std::string> tags;
  for (const Node& item : *items) {
    const bool is_text = item.kind == Node::Kind::kString;
    std::string problem = is_text ? identifier_problem(item.text) : wrong_type("a string", item);
    if (!problem.empty()) {
      refuse_at(join_path(join_path(path_, key), tags.size()), std::move(problem));
      return {};
    }
    tags.push_back(item.text);
  }
  return tags;
}

void EventReader::allow_only(std::initializer_list<std::string_view> keys) const {
  if (!object_) return;
  for (const Node::Member& member : object_->members) {
    if (std::find(keys.begin(), keys.end(), member.key) != keys.end()) continue;
    const std::string suggestion = suggest(member.key, keys);
    return refuse(member.key,
                  suggestion.empty() ? "no such member" : fmt::format("no such member; {}", suggestion));
  }
}

void EventReader::refuse(std::string_view key, std::string message, std::string_view reason) const {
  if (!*error_) refuse_at(join_path(path_, key), std::move(message), reason);
}

void EventReader::refuse_type(std::string_view key, std::string_view expected, const Node& found) const {
  refuse(key, wrong_type(expected, found));
}

void EventReader::refuse_at(std::string path, std::string message, std::string_view reason) const {
  if (*error_) return;
  *error_ = make_error(ErrorCode::kInvalidInput, std::move(message));
  (*error_)->object = std::move(path);
  (*error_)->reason = reason;
}

std::optional<Severity> severity_of(std::span<const SeverityWord> words, std::string_view word) {
  const auto same = [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? char(b + 32) : b); };
  for (const SeverityWord& known : words) {
    if (std::equal(known.word.begin(), known.word.end(), word.begin(), word.end(), same)) {
      return known.severity;
    }
  }
  return std::nullopt;
}

void settle_time(const std::optional<WallTime>& claimed, Signal& signal) {
  signal.claimed = claimed;
  signal.time = std::min(claimed.value_or(signal.received), signal.received);
  signal.time_was_clamped =
      claimed && (*claimed > signal.received + kMostAhead || *claimed < signal.received - kMostBehind);
  if (signal.time_was_clamped) signal.time = signal.received;
}

/// Every part is preceded by its length, so that no two lists of parts give the same text.
std::string build_id(const Signal& signal, const std::string& more) {
  const std::string nanoseconds =
      signal.claimed ? std::to_string(signal.claimed->time_since_epoch().count()) : "";
  std::string identity;
  for (const std::string* const part :
       {&signal.node, &signal.rule, &more, &signal.name_space, &signal.pod_name, &signal.pod_uid,
        &signal.container_id, &signal.domain_uuid, &signal.domain, &signal.mac, &signal.address,
        &nanoseconds}) {
    identity += fmt::format("{}:{}", part->size(), *part);
  }
  return sha256_hex(identity).substr(0, 32);
}

bool names_machine(const Signal& signal) {
  return !signal.domain_uuid.empty() || !signal.domain.empty() || !signal.mac.empty() ||
         !signal.address.empty();
}

Result<Batch> decode_list(const std::vector<Node>& events, const DecodeEvent& decode) {
  if (events.size() > kMostElements) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("{} events, at most {} are read", events.size(), kMostElements));
  }
  Batch batch;
  batch.is_list = true;
  batch.elements.reserve(events.size());
  for (const Node& event : events) batch.elements.push_back(decode(event));
  return batch;
}

Result<Batch> decode_one_or_list(const Node& body, const DecodeEvent& decode) {
  if (body.kind == Node::Kind::kArray) return decode_list(body.items, decode);
  Batch batch;
  batch.elements.push_back(decode(body));
  return batch;
}

}  // namespace kintsugi::signals
