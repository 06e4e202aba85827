// SPDX-License-Identifier: Apache-2.0
//
// The pod that a virtual machine runs in, virt-launcher: telling it from a plain pod, isolating it, and what
// is true of a machine's isolation. Pure functions.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/action.h"
#include "model/finding.h"
#include "targets/isolation/isolation_proof.h"
#include "targets/kubernetes/containment.h"
#include "targets/kubevirt/objects.h"

namespace kintsugi::targets {

/// Whether an instance controls the pod. Such a pod is never treated as a plain one: who deletes or frees it
/// does that to a virtual machine. A launcher's label alone means nothing: whoever makes a pod could keep it
/// from being isolated by that.
bool is_launcher(const Pod& pod);

/// The instance that a launcher runs, by its owner reference; nothing: it has none.
std::optional<TargetRef> instance_of(const Pod& launcher);

/// Isolates a launcher as plan_isolation() does a pod, but for the labels by which virt-controller and
/// virt-api find it, which stay: without them the machine could be neither paused nor stopped. Its id names
/// the pod, for a migration makes a second one of the same instance.
Action plan_launcher_isolation(const Pod& launcher, std::string_view incident, std::string_view forensics,
                               const Undo* earlier = nullptr);
/// The same, as isolation's proof by day asks for it.
isolation::QuarantineOptions launcher_quarantine();
/// The id of that action, and whether it is one of some launcher.
std::string launcher_isolation_id(const Pod& launcher);
bool is_launcher_isolation(std::string_view id);

/// What a machine may be paused for, or why not.
struct PauseVerdict {
  bool possible = false;
  bool pending = false;  ///< not now, but after what is under way
  std::string why_not;   ///< a clause for people; empty where it is possible
};
PauseVerdict may_pause(const MachineInstance& instance);

/// A launcher as it is now, and the proof about it.
struct LauncherProof {
  std::string pod;
  isolation::IsolationProof proof;
};

/// How it stands with the links of networks that no policy reaches, and that are not all down.
struct LinkNote {
  bool is_pending = false;  ///< asked for, and to be seen soon
  std::string why_not{};    ///< a clause for people, where it is not
};

/// What is true of a machine whose launchers are in quarantine: isolated where each of them is, the link of
/// each network beside the cluster's own is down, and its processors are stopped where that is wanted and
/// possible.
Finding assess_machine(const MachineInstance& instance, const std::vector<LauncherProof>& launchers,
                       bool is_pause_wanted, const LinkNote& links = {});

}  // namespace kintsugi::targets
