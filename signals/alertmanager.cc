// SPDX-License-Identifier: Apache-2.0
#include "signals/alertmanager.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/cut.h"
#include "base/escape.h"
#include "base/machine_name.h"
#include "signals/event_reader.h"

namespace kintsugi::signals {
namespace {

/// Every key that is read, at whatever level; sorted for parse_json_members.
constexpr std::array<std::string_view, 32> kUsedKeys{"address",
                                                     "alertname",
                                                     "alerts",
                                                     "annotations",
                                                     "container",
                                                     "container_name",
                                                     "description",
                                                     "domain",
                                                     "domain_uuid",
                                                     "exported_container",
                                                     "exported_namespace",
                                                     "exported_node",
                                                     "exported_pod",
                                                     "fingerprint",
                                                     "instance",
                                                     "k8s_node_name",
                                                     "k8s_ns_name",
                                                     "k8s_pod_name",
                                                     "labels",
                                                     "mac",
                                                     "namespace",
                                                     "node",
                                                     "pod",
                                                     "rule",
                                                     "severity",
                                                     "startsAt",
                                                     "status",
                                                     "summary",
                                                     "truncatedAlerts",
                                                     "uuid",
                                                     "version",
                                                     "vm"};
static_assert(std::is_sorted(kUsedKeys.begin(), kUsedKeys.end()));

constexpr SeverityWord kSeverities[] = {
    {"critical", Severity::kCritical},  {"page", Severity::kCritical},    {"emergency", Severity::kCritical},
    {"fatal", Severity::kCritical},     {"error", Severity::kError},      {"major", Severity::kError},
    {"high", Severity::kError},         {"warning", Severity::kWarning},  {"warn", Severity::kWarning},
    {"minor", Severity::kWarning},      {"medium", Severity::kWarning},   {"info", Severity::kInfo},
    {"informational", Severity::kInfo}, {"information", Severity::kInfo}, {"none", Severity::kInfo},
    {"low", Severity::kInfo},           {"notice", Severity::kInfo},
};

/// The labels of a pod as one kind of sender writes them.
struct PodLabels {
  std::string_view pod, name_space, container, node;
};

/// Those of the metric itself, which come before those of what was scraped for it. Prometheus prefixes them
/// with "exported_" where both have them; Falco's fields reach Alertmanager with underscores for dots.
constexpr PodLabels kOwnPodLabels[] = {
    {"exported_pod", "exported_namespace", "exported_container", "exported_node"},
    {"k8s_pod_name", "k8s_ns_name", "container_name", "k8s_node_name"},
};
constexpr PodLabels kScrapedPodLabels{"pod", "namespace", "container", "node"};

constexpr std::string_view kMachineLabels[] = {"domain_uuid", "uuid", "domain", "vm", "mac", "address"};

/// The first of `keys` that is there; empty where none is.
template <std::size_t size>
std::string_view first_of(const EventReader& labels, const std::string_view (&keys)[size]) {
  const auto found = std::find_if(std::begin(keys), std::end(keys),
                                  [&labels](std::string_view key) { return labels.has(key); });
  return found == std::end(keys) ? std::string_view() : *found;
}

/// The group that speaks of the victim. One whose pod is "<NA>" says that there is no pod.
const PodLabels& pod_labels_of(const EventReader& labels) {
  for (const PodLabels& group : kOwnPodLabels) {
    if (labels.mentions(group.pod) || labels.mentions(group.name_space)) return group;
  }
  return kScrapedPodLabels;
}

/// "192.0.2.7:9100", "[2001:db8::7]:9100", or either without its port.
std::string_view host_of(std::string_view instance) {
  if (instance.starts_with('[')) {
    const std::size_t end = instance.find(']');
    return end == std::string_view::npos ? std::string_view() : instance.substr(1, end - 1);
  }
  const std::size_t colon = instance.find(':');
  // Several colons are those of an IPv6 address without a port.
  return colon == instance.rfind(':') ? instance.substr(0, colon) : instance;
}

/// What was scraped is the victim only where no label tells of a pod, and where its address is its own.
std::string read_instance(const EventReader& labels, const PodLabels& group) {
  const bool is_of_pod = group.pod != kScrapedPodLabels.pod || labels.mentions(group.pod);
  if (is_of_pod) return {};
  const auto address = normal_address(host_of(labels.text("instance")));
  return address && !is_shared_address(*address) ? *address : "";
}

void read_machine(const EventReader& labels, const PodLabels& group, Signal& signal) {
  signal.domain_uuid = labels.uuid(labels.has("domain_uuid") ? "domain_uuid" : "uuid");
  signal.domain = labels.identifier(labels.has("domain") ? "domain" : "vm");
  signal.mac = labels.mac("mac");
  signal.address = labels.address("address");
  if (!names_machine(signal)) signal.address = read_instance(labels, group);
}

void read_pod(const EventReader& labels, const PodLabels& group, Signal& signal) {
  signal.pod_name = labels.pod_name(group.pod);
  signal.name_space = labels.namespace_name(group.name_space);
  signal.container_name = labels.identifier(group.container);
  signal.node = labels.identifier(group.node);
}

void read_victim(const EventReader& labels, Signal& signal) {
  const PodLabels& group = pod_labels_of(labels);
  if (!labels.has(group.pod)) return read_machine(labels, group, signal);
  read_pod(labels, group, signal);
  if (const std::string_view machine = first_of(labels, kMachineLabels); !machine.empty()) {
    labels.refuse(machine, fmt::format("is about a machine, but '{}' about a pod: one alert has one victim",
                                       group.pod));
  }
}

/// The word is free text in the rules of Prometheus, so that an unknown one is no reason to lose an alert.
Severity read_severity(const EventReader& labels) {
  return severity_of(kSeverities, labels.text("severity")).value_or(Severity::kWarning);
}

std::string read_rule(const EventReader& labels) {
  return cut(labels.required(labels.has("alertname") || !labels.has("rule") ? "alertname" : "rule"),
             kMostTextBytes);
}

std::string read_summary(const EventReader& annotations, std::int64_t truncated) {
  const std::string text = annotations.text(annotations.has("summary") ? "summary" : "description");
  if (truncated <= 0) return cut(text, kMostTextBytes);
  return cut(fmt::format("[{} more alerts were truncated] {}", truncated, text), kMostTextBytes);
}

std::string read_id(const EventReader& alert, const Signal& signal) {
  const std::string fingerprint = alert.identifier("fingerprint");
  if (fingerprint.empty() || !signal.claimed) return build_id(signal, fingerprint);
  return fmt::format("{}-{}", fingerprint, signal.claimed->time_since_epoch().count());
}

Result<Signal> decode_firing(const EventReader& alert, WallTime received, std::int64_t truncated) {
  const EventReader labels = alert.object("labels");
  Signal signal;
  signal.source = "alertmanager";
  signal.received = received;
  signal.rule = read_rule(labels);
  signal.severity = read_severity(labels);
  settle_time(alert.time("startsAt"), signal);
  signal.summary = read_summary(alert.object("annotations"), truncated);
  read_victim(labels, signal);
  signal.id = read_id(alert, signal);
  return signal;
}

Result<Signal> decode_alert(const Node& node, WallTime received, std::int64_t truncated) {
  std::optional<Error> error;
  const EventReader alert(node, error);
  const std::string status = alert.required("status");
  if (status == "resolved") {
    return fail(
        make_error(ErrorCode::kInvalidInput, "the alert is resolved").because(std::string(kNothingToDo)));
  }
  if (status != "firing") {
    alert.refuse("status", fmt::format("'{}' is neither firing nor resolved", escape(status, kShownBytes)));
  }
  auto signal = decode_firing(alert, received, truncated);
  if (error) return fail(*std::move(error));
  return signal;
}

}  // namespace

Result<Batch> AlertmanagerDecoder::decode(std::string_view body, WallTime received) const {
  const auto document = parse_json_members(body, kUsedKeys, kBodyLimits);
  if (!document) return fail(document.error());
  std::optional<Error> error;
  const EventReader message(*document, error);
  const std::string version = message.required("version");
  if (version != "4") {
    message.refuse("version", fmt::format("'{}' is not read, only '4'", escape(version, kShownBytes)));
  }
  const std::int64_t truncated = message.integer("truncatedAlerts").value_or(0);
  const std::vector<Node>* const alerts = message.list("alerts");
  if (!alerts) message.refuse("alerts", "missing");
  if (error) {
    Batch wrong;
    wrong.elements.push_back(fail(*std::move(error)));
    return wrong;
  }
  return decode_list(*alerts, [=](const Node& alert) { return decode_alert(alert, received, truncated); });
}

}  // namespace kintsugi::signals
