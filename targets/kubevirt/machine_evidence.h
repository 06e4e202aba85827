// SPDX-License-Identifier: Apache-2.0
//
// What is asked of KubeVirt as evidence, and what it says about that. Pure functions.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "model/action.h"
#include "targets/kubevirt/objects.h"

namespace kintsugi::targets {

inline constexpr std::string_view kSnapshotAction = "collect/snapshot";
inline constexpr std::string_view kMemoryDumpAction = "collect/memory-dump";

/// Whether a machine has disks that outlast its instance: others are in no snapshot.
bool has_lasting_disks(const Machine& machine);

/// A VirtualMachineSnapshot of the machine, with the incident as a label; it stays until a person deletes it.
Action plan_snapshot(const Machine& machine, const std::string& name, const std::string& incident);
/// Has the machine's memory written into a claim. `earlier`: memory_dump_of() it before, of which a note is
/// kept.
Action plan_memory_dump(const Machine& machine, const std::string& claim, const nlohmann::json& earlier);
/// Whether the request of that plan has come to KubeVirt, though its answer was lost: there is a dump into
/// that claim which was not there before.
bool is_memory_dump_taken_up(const Action& dump, const nlohmann::json& now);

enum class Progress : std::uint8_t { kUnderWay, kDone, kFailed };
/// Whether a VirtualMachineSnapshot's document bears the marks of plan_snapshot() for that machine and
/// incident.
bool is_snapshot_of(const nlohmann::json& snapshot, const std::string& machine_uid,
                    const std::string& incident);
/// Of a VirtualMachineSnapshot's document.
Progress progress_of_snapshot(const nlohmann::json& snapshot);
/// Of the dump into `claim`, of a VirtualMachine's document; another claim's is none.
Progress progress_of_memory_dump(const nlohmann::json& machine, const std::string& claim);
/// status.memoryDumpRequest, null where there is none.
nlohmann::json memory_dump_of(const nlohmann::json& machine);

/// Takes out of a machine's or an instance's document what cloud-init, ignition and sysprep are given inline:
/// passwords and keys. What stays says that it was left out, and its hash.
void leave_out_secrets(nlohmann::json& document);

}  // namespace kintsugi::targets
