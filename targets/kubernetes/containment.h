// SPDX-License-Identifier: Apache-2.0
//
// The one write that isolates a pod, and its way back. Pure functions; design.md, "Containment that is true".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/action.h"
#include "model/containment_record.h"
#include "model/target.h"
#include "targets/kubernetes/objects.h"

namespace kintsugi::targets {

/// Whether taking a pod's labels away is safe for what owns it: a ReplicaSet replaces it at once, a bare pod
/// has nobody who minds. Others would fight over its name (StatefulSet) or count it (Job).
bool can_release_by_labels(const Pod& pod);

/// The JSON Patch of the victim: all labels go, each behind a `test` of its value; the quarantine label
/// comes, and the forensics label where a profile is given; annotations name the incident, carry the undo in
/// the same write, and mark the pod not safe to evict. Its preconditions are the UID and the labels, not the
/// resourceVersion, which every kubelet update moves. `live` must be the pod as it is now or as a cache last
/// saw it: where it has moved on, the server refuses the patch and the caller plans again.
///
/// `earlier` is what a first isolation took, where this one repeats it (somebody removed a label of ours) or
/// takes over a victim that an earlier incident left in quarantine: the undo stays what it was. `kept_keys`
/// are labels that stay, and are none of the undo's: those by which a controller that cannot do without finds
/// its pod.
struct Undo;
Action plan_isolation(const Pod& live, std::string_view incident, std::string_view forensics,
                      const Undo* earlier = nullptr, std::span<const std::string_view> kept_keys = {});

/// What isolation took, from the undo annotation or, where somebody edited that, from the incident's copy.
/// `from_annotation` says which.
struct Undo {
  Labels labels;
  std::optional<std::string> safe_to_evict;
  bool from_annotation = false;
  /// Who controlled the pod: an owner drops a pod whose labels it no longer selects. As believable as an
  /// owner reference, which the same people may write.
  OwnerRef controller = {};
};
std::optional<Undo> find_undo(const Pod& victim, const std::optional<ContainmentRecord>& record);

/// The same isolation without the largest foreign annotations of `live`, the pod's document, where those
/// leave no room for ours: the API server takes 256 KiB of them. Which they were stays in an annotation.
/// Nothing: they leave room, or `live` is not as the isolation expects it.
std::optional<Action> isolation_with_room(const Action& isolation, const nlohmann::json& live);

/// The id of the action that gives labels back.
inline constexpr std::string_view kRestoration = "release/restore";
/// Gives the labels back and takes ours away. Fails with kConflict where the pod is not in quarantine, or its
/// annotation does not name `incident`; empty: it names none.
Result<Action> plan_restoration(const Pod& victim, std::string_view incident, const Undo& undo);

/// Deletes the pod, with its UID as the precondition.
Action plan_victim_deletion(const TargetRef& target);

/// What containment took, to be kept in the incident as well. Of a pod that is in quarantine already, by
/// whoever won or before a crash, it is what the undo annotation says.
ContainmentRecord containment_record(const Pod& pod);

}  // namespace kintsugi::targets
