// SPDX-License-Identifier: Apache-2.0
//
// Isolating one pod, whether it is the target itself or what the target runs in.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "controller/cluster.h"
#include "controller/target_steps.h"
#include "targets/isolation/isolation_proof.h"
#include "targets/kubernetes/containment.h"
#include "targets/kubernetes/objects.h"

namespace kintsugi::controller {

using PodPointer = std::shared_ptr<const targets::Pod>;

/// Whether the pod is in this incident's quarantine.
bool is_in_quarantine_of(const targets::Pod& pod, const Incident& incident);

/// The proof about a pod with the labels that it has now.
isolation::IsolationProof prove_isolation_of(const World& world, const targets::Pod& pod);

struct PodIsolation {
  enum class Outcome : std::uint8_t {
    kDone,           ///< by this call
    kFoundDone,      ///< by somebody who was faster: the same incident's
    kGone,           ///< there is no such pod any more
    kNotNow,         ///< `may_send` said no
    kPolicyRefused,  ///< the cluster does not let us write the standing policy
    kPatchRefused,   ///< nor the pod
  };
  Outcome outcome = Outcome::kNotNow;
  PodPointer before;  ///< as the last plan saw it
  PodPointer after;   ///< kDone, kFoundDone: as it is now
  Action action;      ///< the last plan
  Error refusal;      ///< kPolicyRefused, kPatchRefused
};

/// Patches until it holds or another read shows that it does, with a new plan each time that the pod has
/// moved on; at most five. `victim` is the pod as a cache or a live read has it; `may_send` is asked right
/// before each write, which has `timeout`.
Result<PodIsolation> isolate_pod(IncidentWork& work, PodPointer victim,
                                 const std::function<Action(const targets::Pod& pod)>& plan,
                                 const std::function<bool()>& may_send, std::chrono::milliseconds timeout);

/// For a release that gives labels back: what is not known any more is a person's to decide. Nothing: it is
/// known, and where it was not taken from the pod's annotation, that is noted.
std::optional<StepOutcome> ask_about_lost_undo(IncidentWork& work, const std::optional<targets::Undo>& undo);

/// Puts the standing policy back where somebody has changed it after the isolation. False: the world is about
/// to show what is true; look again.
Result<bool> keep_quarantine_policy(IncidentWork& work);

}  // namespace kintsugi::controller
