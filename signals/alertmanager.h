// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "signals/decoder.h"

namespace kintsugi::signals {

/// The webhook of Prometheus' Alertmanager, version "4": one Signal for each firing alert, in their order. A
/// resolved alert is an element with kNothingToDo.
///
/// Used members of an alert:
///   status, startsAt, fingerprint
///   annotations  summary, else description
///   labels       alertname, else rule (as falcosidekick names it): required
///                severity
///                a pod: exported_pod, exported_namespace, exported_container, exported_node; else
///                k8s_pod_name, k8s_ns_name, container_name, k8s_node_name; else pod, namespace, container,
///                node
///                a virtual machine: domain_uuid or uuid, domain or vm, mac, address; where there is none of
///                these, and no label of a pod either: the host of instance, if that is an IP address
///
/// - null, "" and "<NA>" are absent. A used member of another type is an error; any other member and label is
///   ignored, whatever it holds.
/// - The labels of a pod are taken from one of the three groups, the first that the alert has any label of:
///   the later ones then name whatever was scraped, which is not the victim.
/// - An alert whose labels name both a pod and a machine is an error: which is the victim cannot be known.
/// - Pod and namespace must be Kubernetes names; UUID, MAC and IP address must be such, and of a single
///   machine, and are kept in their normal forms.
/// - critical, page, emergency and fatal are critical; error, major and high error; warning, warn, minor and
///   medium warning; info, informational, information, none, low and notice info; in any case of letters. Any
///   other word and none is warning.
/// - `startsAt` is treated as the time of a Falco event.
/// - id: fingerprint and startsAt, so that a new firing is a new one.
/// - Where `truncatedAlerts` is above 0, each summary begins with how many alerts were lost.
class AlertmanagerDecoder final : public Decoder {
 public:
  std::string_view source() const override { return "alertmanager"; }
  Result<Batch> decode(std::string_view body, WallTime received) const override;
};

}  // namespace kintsugi::signals
