// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "signals/decoder.h"

namespace kintsugi::signals {

/// Our own format, for whatever can send JSON. One event, or a list of them.
///
///   rule             required
///   severity         required: critical, error, warning, info, in any case of letters
///   time             RFC 3339: when it happened
///   compromiseStart  RFC 3339: since when the target is compromised, where the sender knows it
///   summary, id, tags
///   target           a pod: namespace, pod, podUID, containerID (with or without "containerd://"), node;
///                    or a virtual machine: uuid, domain, mac, address
///
/// - null, "" and "<NA>" are absent. A member of another type is an error, and so is any other member: a
///   misspelt one must not lose the victim.
/// - A target that names both a pod and a machine is an error. One that names nothing is an event without a
///   victim.
/// - Pod and namespace must be Kubernetes names; UUID, MAC and IP address must be such, and of a single
///   machine, and are kept in their normal forms. Other identifiers are free of control characters. `rule`
///   and `summary` are any text, cut to 1 KiB.
/// - `time` is treated as Falco's.
/// - id: `id`, else a hash of rule, victim and `time`.
class GenericDecoder final : public Decoder {
 public:
  std::string_view source() const override { return "generic"; }
  Result<Batch> decode(std::string_view body, WallTime received) const override;
};

}  // namespace kintsugi::signals
