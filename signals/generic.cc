// SPDX-License-Identifier: Apache-2.0
#include "signals/generic.h"

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
constexpr std::array<std::string_view, 17> kUsedKeys{
    "address", "compromiseStart", "containerID", "domain",   "id",      "mac",  "namespace", "node",
    "pod",     "podUID",          "rule",        "severity", "summary", "tags", "target",    "time",
    "uuid"};
static_assert(std::is_sorted(kUsedKeys.begin(), kUsedKeys.end()));

constexpr std::string_view kPodMembers[] = {"namespace", "pod", "podUID", "containerID", "node"};
constexpr std::string_view kMachineMembers[] = {"uuid", "domain", "mac", "address"};

constexpr SeverityWord kSeverities[] = {{"critical", Severity::kCritical},
                                        {"error", Severity::kError},
                                        {"warning", Severity::kWarning},
                                        {"info", Severity::kInfo}};

Severity read_severity(const EventReader& event) {
  const std::string word = event.required("severity");
  const auto severity = severity_of(kSeverities, word);
  if (!severity) {
    event.refuse("severity", fmt::format("'{}' is no severity (critical, error, warning, info)",
                                         escape(word, kShownBytes)));
  }
  return severity.value_or(Severity::kInfo);
}

/// As kubelets write it, the id follows the runtime's name.
std::string read_container_id(const EventReader& target) {
  std::string id = target.identifier("containerID");
  const std::size_t scheme = id.find("://");
  return scheme == std::string::npos ? id : id.substr(scheme + 3);
}

void refuse_two_victims(const EventReader& target) {
  const auto has = [&target](std::string_view key) { return target.has(key); };
  const auto pod = std::find_if(std::begin(kPodMembers), std::end(kPodMembers), has);
  const auto machine = std::find_if(std::begin(kMachineMembers), std::end(kMachineMembers), has);
  if (pod == std::end(kPodMembers) || machine == std::end(kMachineMembers)) return;
  target.refuse(*machine,
                fmt::format("is about a machine, but '{}' about a pod: one event has one victim", *pod));
}

void read_target(const EventReader& target, Signal& signal) {
  target.allow_only(
      {"namespace", "pod", "podUID", "containerID", "node", "uuid", "domain", "mac", "address"});
  signal.name_space = target.namespace_name("namespace");
  signal.pod_name = target.pod_name("pod");
  signal.pod_uid = target.identifier("podUID");
  signal.container_id = read_container_id(target);
  signal.node = target.identifier("node");
  signal.domain_uuid = target.uuid("uuid");
  signal.domain = target.identifier("domain");
  signal.mac = target.mac("mac");
  signal.address = target.address("address");
  refuse_two_victims(target);
}

Result<Signal> decode_event(const Node& node, WallTime received) {
  std::optional<Error> error;
  const EventReader event(node, error);
  event.allow_only({"rule", "severity", "time", "compromiseStart", "summary", "id", "tags", "target"});
  Signal signal;
  signal.source = "generic";
  signal.received = received;
  signal.rule = cut(event.required("rule"), kMostTextBytes);
  signal.severity = read_severity(event);
  settle_time(event.time("time"), signal);
  signal.compromise_start = event.time("compromiseStart");
  signal.summary = cut(event.text("summary"), kMostTextBytes);
  signal.tags = event.tags("tags");
  read_target(event.object("target"), signal);
  signal.id = event.identifier("id");
  if (error) return fail(*std::move(error));
  if (signal.id.empty()) signal.id = build_id(signal);
  return signal;
}

}  // namespace

Result<Batch> GenericDecoder::decode(std::string_view body, WallTime received) const {
  const auto document = parse_json_members(body, kUsedKeys, kBodyLimits);
  if (!document) return fail(document.error());
  return decode_one_or_list(*document,
                            [received](const Node& event) { return decode_event(event, received); });
}

}  // namespace kintsugi::signals
