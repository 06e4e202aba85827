// SPDX-License-Identifier: Apache-2.0
//
// What the journal of an incident says about a rebuild. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/regular_file.h"
#include "model/incident.h"
#include "targets/libvirt/domain.h"

namespace kintsugi::host {

/// The action that ends the breached machine and starts the rebuilt one.
inline constexpr std::string_view kRebuild = "redeploy/rebuild";

/// It has no undo: once it has begun, nothing brings the breached machine back but a person, with the disks
/// that its body names.
Action rebuild_action(const TargetRef& target, const targets::RebuildMark& mark);

/// Whether this incident has begun a rebuild. A mark in a definition is no witness of that: it may be from
/// an incident of the same name that a database which was lost or put back does not know any more.
bool has_begun_rebuild(const Incident& incident);

/// Whether a definition's mark is the one that was journaled.
bool is_journaled(const Incident& incident, const targets::RebuildMark& mark);

/// What the journal keeps of the starts of a rebuilt machine.
struct StartRecord {
  unsigned starts = 0;  ///< since somebody last agreed to that
  /// The golden image's file, as it was verified before the last one; nothing: not known.
  std::optional<FileIdentity> image;
};

/// The action that starts the rebuilt machine, for the so manieth time.
Action start_action(const TargetRef& target, const StartRecord& record);

/// By the journal. What it cannot say is more starts than anybody is to make without asking.
StartRecord starts_of(const Incident& incident);

/// What the rebuild has left, by its journal, once it has begun; empty where it has not.
std::vector<targets::LeftDisk> left_disks(const Incident& incident);

/// For people: "vda /var/lib/libvirt/images/web1.qcow2, vdb …".
std::string describe(const std::vector<targets::LeftDisk>& disks);

}  // namespace kintsugi::host
