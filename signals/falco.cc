// SPDX-License-Identifier: Apache-2.0
#include "signals/falco.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/cut.h"
#include "base/escape.h"
#include "signals/event_reader.h"

namespace kintsugi::signals {
namespace {

/// Every key that is read, at whatever level; sorted for parse_json_members.
constexpr std::array<std::string_view, 25> kUsedKeys{"container.full_id",
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
                                                     "kintsugi.address",
                                                     "kintsugi.domain",
                                                     "kintsugi.mac",
                                                     "kintsugi.uuid",
                                                     "output",
                                                     "output_fields",
                                                     "priority",
                                                     "rule",
                                                     "source",
                                                     "tags",
                                                     "time",
                                                     "uuid"};
static_assert(std::is_sorted(kUsedKeys.begin(), kUsedKeys.end()));

constexpr SeverityWord kPriorities[] = {
    {"emergency", Severity::kCritical}, {"alert", Severity::kCritical},  {"critical", Severity::kCritical},
    {"error", Severity::kError},        {"warning", Severity::kWarning}, {"notice", Severity::kInfo},
    {"informational", Severity::kInfo}, {"info", Severity::kInfo},       {"debug", Severity::kInfo},
};

Severity read_priority(const EventReader& event) {
  const std::string word = event.required("priority");
  const auto severity = severity_of(kPriorities, word);
  if (!severity) {
    event.refuse("priority",
                 fmt::format("'{}' is no Falco priority (Emergency, Alert, Critical, Error, Warning, "
                             "Notice, Informational, Debug)",
                             escape(word, kShownBytes)));
  }
  return severity.value_or(Severity::kInfo);
}

/// When it happened, as the event says it; nothing where it does not.
std::optional<WallTime> read_time(const EventReader& event, const EventReader& fields) {
  if (event.has("time")) return event.time("time");
  const auto nanoseconds = fields.integer("evt.time");
  if (!nanoseconds) return std::nullopt;
  return WallTime(std::chrono::nanoseconds(*nanoseconds));
}

void read_container(const EventReader& fields, Signal& signal) {
  const std::string short_id = fields.identifier("container.id");
  signal.on_host = short_id == "host";
  if (signal.on_host) return;
  signal.container_id = fields.identifier("container.full_id");
  if (signal.container_id.empty()) signal.container_id = short_id;
  signal.container_name = fields.identifier("container.name");
}

void read_syscall_victim(const EventReader& fields, Signal& signal) {
  signal.pod_name = fields.pod_name("k8s.pod.name");
  signal.pod_uid = fields.identifier("k8s.pod.uid");
  signal.name_space = fields.namespace_name("k8s.ns.name");
}

void read_audit_victim(const EventReader& fields, Signal& signal) {
  signal.pod_name = fields.pod_name("ka.target.pod.name");
  if (signal.pod_name.empty() && fields.text("ka.target.resource") == "pods") {
    signal.pod_name = fields.pod_name("ka.target.name");
  }
  if (signal.pod_name.empty()) return;
  signal.name_space = fields.namespace_name("ka.target.namespace");
  signal.container_name = fields.identifier("ka.uri.param[container]");
}

void read_machine(const EventReader& fields, Signal& signal) {
  signal.domain_uuid = fields.uuid("kintsugi.uuid");
  signal.domain = fields.identifier("kintsugi.domain");
  signal.mac = fields.mac("kintsugi.mac");
  signal.address = fields.address("kintsugi.address");
  // The host of such an event is the guest.
  if (names_machine(signal)) signal.on_host = false;
}

void read_victim(const EventReader& fields, Signal& signal) {
  read_container(fields, signal);
  if (!signal.on_host) {
    read_syscall_victim(fields, signal);
    if (signal.pod_name.empty() && signal.pod_uid.empty()) read_audit_victim(fields, signal);
  }
  if (signal.pod_name.empty() && signal.pod_uid.empty() && signal.container_id.empty()) {
    read_machine(fields, signal);
  }
}

Result<Signal> decode_event(const Node& node, WallTime received) {
  std::optional<Error> error;
  const EventReader event(node, error);
  const EventReader fields = event.object("output_fields");
  Signal signal;
  signal.source = "falco";
  signal.received = received;
  signal.rule = cut(event.required("rule"), kMostTextBytes);
  signal.severity = read_priority(event);
  signal.tags = event.tags("tags");
  signal.summary = cut(event.text("output"), kMostTextBytes);
  signal.node = event.identifier("hostname");
  read_victim(fields, signal);
  const std::string event_source = event.identifier("source");
  settle_time(read_time(event, fields), signal);
  signal.id = event.identifier("uuid");
  if (error) return fail(*std::move(error));
  if (signal.id.empty()) signal.id = build_id(signal, event_source);
  return signal;
}

}  // namespace

Result<Batch> FalcoDecoder::decode(std::string_view body, WallTime received) const {
  const auto document = parse_json_members(body, kUsedKeys, kBodyLimits);
  if (!document) return fail(document.error());
  return decode_one_or_list(*document,
                            [received](const Node& event) { return decode_event(event, received); });
}

}  // namespace kintsugi::signals
