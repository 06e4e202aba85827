// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/cluster.h"
#include "controller/evidence_session.h"

namespace kintsugi::controller {

/// The collector without which a machine's evidence is incomplete.
inline constexpr const char* kMachineSubject = "instance";

/// The snapshot of the disks that is made for an incident; its name is the same for each try.
std::string snapshot_name(const std::string& incident);

/// Takes evidence of a virtual machine: the instance and its machine without the secrets that cloud-init is
/// given, the launcher's manifest, events and logs, what the guest agent tells, and what became of the
/// snapshot and the memory dump, for which it waits. What the guest tells was written by an attacker: it is
/// bounded, hashed and kept as bytes.
void take_machine_evidence(EvidenceSession& session, const Cluster& cluster, const CollectStep& step);

/// Of that: waits for the dump of the machine's memory into the claim. It is evidence only if this incident
/// has asked for it, the instance is still the incident's, and the machine its owner: a dump is of whatever
/// instance the machine has.
void take_memory_dump(EvidenceSession& session, const OwnerRef& machine, const std::string& claim);

}  // namespace kintsugi::controller
