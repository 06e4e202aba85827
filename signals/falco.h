// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "signals/decoder.h"

namespace kintsugi::signals {

/// Falco's `http_output` JSON (json_output with output fields and tags; sources syscall and k8s_audit), and
/// the same with the `uuid` that falcosidekick's webhook adds. One event, or a list of them.
///
/// Used fields:
///   rule, priority        required
///   time                  RFC 3339; without it output_fields evt.time, int64 nanoseconds
///   output, tags, source, hostname, uuid
///   output_fields         container.id, container.full_id, container.name, k8s.pod.name, k8s.pod.uid,
///                         k8s.ns.name; without a k8s.pod.name: ka.target.pod.name, or ka.target.name where
///                         ka.target.resource is "pods", ka.target.namespace, ka.uri.param[container]
///   of a guest            kintsugi.uuid, kintsugi.domain, kintsugi.mac, kintsugi.address, which the
///                         configuration of a Falco within a virtual machine adds; read where there is no pod
///                         and no container but "host"
///
/// - null, "" and "<NA>" are absent. A used field of another type is an error; any other field is ignored,
///   whatever it holds.
/// - Pod and namespace must be Kubernetes names, other identifiers free of control characters. `rule` and
///   `output` are any text, cut to 1 KiB.
/// - The pod and its namespace are never taken from different families of fields (k8s.*, ka.*).
/// - container.id "host" is an event of the node: no pod is read. Where the fields of a guest name a machine,
///   that is the victim, and it is no event of a node.
/// - UUID, MAC and IP address must be such, and of a single machine; they are kept in their normal forms.
/// - An event time after its receipt becomes the receipt time, so that no duration is negative. One more than
///   kMostAhead ahead or older than kMostBehind is replaced too, and `time_was_clamped` says so. Without one
///   the receipt time is all there is, and no clock is wrong.
/// - id: `uuid`, else a hash of hostname, rule, source, victim and the event's own time.
/// - Emergency, Alert and Critical are critical; Error error; Warning warning; Notice, Informational ("info")
///   and Debug info; in any case of letters.
class FalcoDecoder final : public Decoder {
 public:
  std::string_view source() const override { return "falco"; }
  Result<Batch> decode(std::string_view body, WallTime received) const override;
};

}  // namespace kintsugi::signals
