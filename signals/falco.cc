// SPDX-License-Identifier: Apache-2.0
#include "signals/falco.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/cut.h"
#include "base/document.h"
#include "base/encoding.h"
#include "base/escape.h"
#include "base/kubernetes_name.h"
#include "base/time.h"

namespace kintsugi::signals {
namespace {

constexpr std::size_t kMostElements = 1000;
constexpr std::size_t kMostTags = 100;
/// More than the largest list of events that are all within the other limits.
constexpr std::size_t kMostNodes = 200'000;
constexpr std::size_t kMostIdentifierBytes = 256;
constexpr std::size_t kMostTextBytes = 1024;
constexpr std::size_t kShownBytes = 64;

/// Every key that is read, at whatever level; sorted for parse_json_members.
constexpr std::array<std::string_view, 21> kUsedKeys{"container.full_id",
                                                     "container.id",
                                                     "container.name",
                                                     "evt.time",
                                                     "hostname",
                                                     "k8s.ns.name",
                                                     "k8s.pod.name",
                                                     "k8s.pod.uid",
                                                     "ka.target.name",
                                                     "ka.target.namespace",
                                                     "ka.target.pod.name",
                                                     "ka.target.resource",
                                                     "ka.uri.param[container]",
                                                     "output",
                                                     "output_fields",
                                                     "priority",
                                                     "rule",
                                                     "source",
                                                     "tags",
                                                     "time",
                                                     "uuid"};
static_assert(std::is_sorted(kUsedKeys.begin(), kUsedKeys.end()));

struct PriorityWord {
  std::string_view word;  ///< lower case
  Severity severity;
};

constexpr PriorityWord kPriorities[] = {
    {"emergency", Severity::kCritical}, {"alert", Severity::kCritical},  {"critical", Severity::kCritical},
    {"error", Severity::kError},        {"warning", Severity::kWarning}, {"notice", Severity::kInfo},
    {"informational", Severity::kInfo}, {"info", Severity::kInfo},       {"debug", Severity::kInfo},
};

std::optional<Severity> to_severity(std::string_view priority) {
  const auto same = [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? char(b + 32) : b); };
  for (const PriorityWord& known : kPriorities) {
    if (std::equal(known.word.begin(), known.word.end(), priority.begin(), priority.end(), same)) {
      return known.severity;
    }
  }
  return std::nullopt;
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return std::uint8_t(c) < 0x20 || c == '\x7F'; });
}

/// Reads the fields of one event; the first wrong one stays as the error, and later reads give nothing.
class EventReader {
 public:
  explicit EventReader(const Node& event) : event_(event) {
    if (event.kind != Node::Kind::kObject) {
      refuse("", fmt::format("expected an object, found {}", kind_name(event.kind)));
    }
    const Node* const fields = present(event, "output_fields");
    if (!fields) return;
    if (fields->kind == Node::Kind::kObject) {
      fields_ = fields;
    } else {
      wrong_type("output_fields", "an object", *fields);
    }
  }

  bool failed() const { return error_.has_value(); }
  Error take_error() { return std::move(*error_); }

  /// A text of the event itself; empty where it is absent.
  std::string top(std::string_view key) { return text(present(event_, key), std::string(key)); }
  /// A text among the output fields; empty where it is absent.
  std::string field(std::string_view key) { return text(present(*fields_, key), field_path(key)); }

  /// As top() and field(), for names and ids.
  std::string top_identifier(std::string_view key) { return identifier(top(key), std::string(key)); }
  std::string field_identifier(std::string_view key) { return identifier(field(key), field_path(key)); }

  std::string pod_name(std::string_view key) {
    return name(field(key), field_path(key), is_dns_subdomain, 253);
  }
  std::string namespace_name(std::string_view key) {
    return name(field(key), field_path(key), is_dns_label, 63);
  }

  Severity priority() {
    const std::string word = required("priority");
    const auto severity = to_severity(word);
    if (!severity) {
      refuse("priority", fmt::format("'{}' is no Falco priority (Emergency, Alert, Critical, Error, Warning, "
                                     "Notice, Informational, Debug)",
                                     escape(word, kShownBytes)));
    }
    return severity.value_or(Severity::kInfo);
  }

  std::string required(std::string_view key) {
    std::string value = top(key);
    if (value.empty()) refuse(std::string(key), "missing");
    return value;
  }

  /// When it happened, as the event says it; nothing where it does not.
  std::optional<WallTime> time() {
    if (const std::string text = top("time"); !text.empty()) {
      auto time = parse_rfc3339(text);
      if (time) return *time;
      refuse("time", fmt::format("'{}' is no RFC 3339 time", escape(text, kShownBytes)));
      return std::nullopt;
    }
    const Node* const nanoseconds = present(*fields_, "evt.time");
    if (!nanoseconds) return std::nullopt;
    if (nanoseconds->kind != Node::Kind::kNumber) {
      wrong_type(field_path("evt.time"), "a number", *nanoseconds);
      return std::nullopt;
    }
    const auto count = nanoseconds->as_integer();
    if (count) return WallTime(std::chrono::nanoseconds(*count));
    refuse(field_path("evt.time"),
           fmt::format("{}: {}", escape(nanoseconds->text, kShownBytes), count.error().message),
           kInexactNumber);
    return std::nullopt;
  }

  std::vector<std::string> tags() {
    const Node* const list = present(event_, "tags");
    if (!list) return {};
    if (list->kind != Node::Kind::kArray) {
      wrong_type("tags", "an array", *list);
      return {};
    }
    if (list->items.size() > kMostTags) {
      refuse("tags", fmt::format("{} tags, at most {} are read", list->items.size(), kMostTags));
      return {};
    }
    std::vector<std::string> tags;
    for (const Node& item : list->items) {
      const std::string path = fmt::format("tags[{}]", tags.size());
      tags.push_back(identifier(text(&item, path), path));
    }
    return tags;
  }

 private:
  static std::string field_path(std::string_view key) { return fmt::format("output_fields[\"{}\"]", key); }

  static const Node* present(const Node& object, std::string_view key) {
    const Node* const node = object.find(key);
    if (!node || node->kind == Node::Kind::kNull) return nullptr;
    const bool is_blank = node->kind == Node::Kind::kString && (node->text.empty() || node->text == "<NA>");
    return is_blank ? nullptr : node;
  }

  std::string text(const Node* node, std::string path) {
    if (!node) return {};
    if (node->kind == Node::Kind::kString) return node->text;
    wrong_type(std::move(path), "a string", *node);
    return {};
  }

  std::string identifier(std::string value, std::string path) {
    if (value.size() > kMostIdentifierBytes) {
      refuse(std::move(path),
             fmt::format("{} bytes, at most {} are read", value.size(), kMostIdentifierBytes));
    } else if (has_control_character(value)) {
      refuse(std::move(path), fmt::format("control character in '{}'", escape(value, kShownBytes)));
    }
    return value;
  }

  std::string name(std::string value, std::string path, bool (*is_valid)(std::string_view),
                   std::size_t most) {
    if (value.size() > most) {
      refuse(std::move(path), fmt::format("{} bytes, a Kubernetes name has at most {}", value.size(), most));
    } else if (!value.empty() && !is_valid(value)) {
      refuse(std::move(path), fmt::format("'{}' is no Kubernetes name", escape(value, kShownBytes)));
    }
    return value;
  }

  void wrong_type(std::string path, std::string_view expected, const Node& node) {
    refuse(std::move(path), fmt::format("expected {}, found {}", expected, kind_name(node.kind)));
  }

  void refuse(std::string path, std::string message, std::string_view reason = "") {
    if (error_) return;
    error_ = make_error(ErrorCode::kInvalidInput, std::move(message));
    error_->object = std::move(path);
    error_->reason = reason;
  }

  const Node no_fields_;
  const Node& event_;
  const Node* fields_ = &no_fields_;
  std::optional<Error> error_;
};

void read_container(EventReader& event, Signal& signal) {
  const std::string short_id = event.field_identifier("container.id");
  signal.on_host = short_id == "host";
  if (signal.on_host) return;
  signal.container_id = event.field_identifier("container.full_id");
  if (signal.container_id.empty()) signal.container_id = short_id;
  signal.container_name = event.field_identifier("container.name");
}

void read_syscall_victim(EventReader& event, Signal& signal) {
  signal.pod_name = event.pod_name("k8s.pod.name");
  signal.pod_uid = event.field_identifier("k8s.pod.uid");
  signal.name_space = event.namespace_name("k8s.ns.name");
}

void read_audit_victim(EventReader& event, Signal& signal) {
  signal.pod_name = event.pod_name("ka.target.pod.name");
  if (signal.pod_name.empty() && event.field("ka.target.resource") == "pods") {
    signal.pod_name = event.pod_name("ka.target.name");
  }
  if (signal.pod_name.empty()) return;
  signal.name_space = event.namespace_name("ka.target.namespace");
  signal.container_name = event.field_identifier("ka.uri.param[container]");
}

void read_victim(EventReader& event, Signal& signal) {
  read_container(event, signal);
  if (signal.on_host) return;
  read_syscall_victim(event, signal);
  if (signal.pod_name.empty() && signal.pod_uid.empty()) read_audit_victim(event, signal);
}

void settle_time(const std::optional<WallTime>& claimed, Signal& signal) {
  signal.claimed = claimed;
  signal.time = std::min(claimed.value_or(signal.received), signal.received);
  signal.time_was_clamped =
      !claimed || *claimed > signal.received + kMostAhead || *claimed < signal.received - kMostBehind;
  if (signal.time_was_clamped) signal.time = signal.received;
}

/// Every part is preceded by its length, so that no two lists of parts give the same text.
std::string build_id(const Signal& signal, const std::string& event_source,
                     const std::optional<WallTime>& time) {
  const std::string nanoseconds = time ? std::to_string(time->time_since_epoch().count()) : "";
  std::string identity;
  for (const std::string* const part :
       {&signal.node, &signal.rule, &event_source, &signal.name_space, &signal.pod_name, &signal.pod_uid,
        &signal.container_id, &nanoseconds}) {
    identity += fmt::format("{}:{}", part->size(), *part);
  }
  return sha256_hex(identity).substr(0, 32);
}

Result<Signal> decode_event(const Node& node, WallTime received) {
  EventReader event(node);
  Signal signal;
  signal.source = "falco";
  signal.received = received;
  signal.rule = cut(event.required("rule"), kMostTextBytes);
  signal.severity = event.priority();
  signal.tags = event.tags();
  signal.summary = cut(event.top("output"), kMostTextBytes);
  signal.node = event.top_identifier("hostname");
  read_victim(event, signal);
  const std::string event_source = event.top_identifier("source");
  const std::optional<WallTime> time = event.time();
  signal.id = event.top_identifier("uuid");
  if (event.failed()) return fail(event.take_error());
  settle_time(time, signal);
  if (signal.id.empty()) signal.id = build_id(signal, event_source, time);
  return signal;
}

}  // namespace

Result<Batch> FalcoDecoder::decode(std::string_view body, WallTime received) const {
  auto document = parse_json_members(body, kUsedKeys, {.max_nodes = kMostNodes});
  if (!document) return tl::unexpected(std::move(document).error());
  Batch batch;
  batch.is_list = document->kind == Node::Kind::kArray;
  if (!batch.is_list) {
    batch.elements.push_back(decode_event(*document, received));
    return batch;
  }
  if (document->items.size() > kMostElements) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("{} events, at most {} are read", document->items.size(), kMostElements));
  }
  batch.elements.reserve(document->items.size());
  for (const Node& item : document->items) batch.elements.push_back(decode_event(item, received));
  return batch;
}

}  // namespace kintsugi::signals
