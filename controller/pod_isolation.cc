// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_isolation.h"

#include <nlohmann/json.hpp>

#include "controller/containment_questions.h"

namespace kintsugi::controller {
namespace {

using targets::Pod;

constexpr int kMaxPlans = 5;

/// Re-makes the standing policy, which was edited or deleted after the containment.
Result<void> mend_policy(IncidentWork& work) {
  work.note("The quarantine policy was changed by somebody and is put back");
  // On record before it is done: once the policy is back, nothing in the world tells that it was ever away.
  if (auto saved = work.save(); !saved) return saved;
  targets::ApplyOptions options;
  options.priority = net::Priority::kContainment;
  return work.world().cluster->target.ensure_quarantine_policy(work.target().name_space, options);
}

/// Once more without the annotations that left no room for ours, if that is why it was refused: whoever may
/// write a pod's annotations does not keep it from being isolated.
Result<nlohmann::json> apply_with_room(IncidentWork& work, const TargetRef& pod, const Action& isolation,
                                       const targets::ApplyOptions& options,
                                       const Result<nlohmann::json>& refused) {
  const auto live = work.world().cluster->target.read_document(pod, {});
  if (!live) return refused;
  const auto with_room = targets::isolation_with_room(isolation, *live);
  return with_room ? apply(work, *with_room, options) : refused;
}

}  // namespace

bool is_in_quarantine_of(const Pod& pod, const Incident& incident) {
  return pod.quarantined() && pod.incident == incident.name;
}

isolation::IsolationProof prove_isolation_of(const World& world, const Pod& pod) {
  const auto known = world.cluster->cache.network_policies(pod.meta.name_space);
  std::vector<const isolation::NetworkPolicy*> policies;
  policies.reserve(known.policies.size());
  for (const auto& policy : known.policies) policies.push_back(policy.get());
  return isolation::prove_isolation({pod.meta.name_space, pod.meta.labels, pod.facts},
                                    {policies, known.unreadable}, world.book.network_facts());
}

Result<PodIsolation> isolate_pod(IncidentWork& work, PodPointer victim,
                                 const std::function<Action(const Pod& pod)>& plan,
                                 const std::function<bool()>& may_send, std::chrono::milliseconds timeout) {
  using Outcome = PodIsolation::Outcome;
  const targets::PodTarget& target = work.world().cluster->target;
  targets::ApplyOptions options;
  options.priority = net::Priority::kContainment;
  options.timeout = timeout;
  if (auto policy = target.ensure_quarantine_policy(victim->meta.name_space, options); !policy) {
    if (policy.error().is_refusal())
      return PodIsolation{Outcome::kPolicyRefused, victim, nullptr, {}, policy.error()};
    return fail(std::move(policy).error());
  }
  Error last;
  for (int plans = 0; plans < kMaxPlans; ++plans) {
    const Action action = plan(*victim);
    if (!may_send()) return PodIsolation{Outcome::kNotNow, victim, nullptr, action, {}};
    auto applied = apply(work, action, options);
    if (!applied && applied.error().is_refusal())
      applied = apply_with_room(work, victim->ref(), action, options, applied);
    if (applied) {
      auto after = targets::pod_from(from_json(*applied));
      if (!after) return fail(std::move(after).error());
      return PodIsolation{Outcome::kDone, victim, std::make_shared<const Pod>(std::move(*after)), action, {}};
    }
    last = applied.error();
    if (last.is_refusal()) return PodIsolation{Outcome::kPatchRefused, victim, nullptr, action, last};
    const bool look =
        last.code == ErrorCode::kConflict || last.code == ErrorCode::kNotFound || last.outcome_unknown;
    if (!look) return fail(std::move(last));
    auto live = target.read(victim->ref(), {});
    if (!live) return fail(std::move(live).error());
    if (!*live) return PodIsolation{Outcome::kGone, victim, nullptr, action, {}};
    victim = std::make_shared<const Pod>(std::move(**live));
    if (is_in_quarantine_of(*victim, work.incident()))
      return PodIsolation{Outcome::kFoundDone, victim, victim, action, {}};
  }
  return fail(std::move(last));
}

std::optional<StepOutcome> ask_about_lost_undo(IncidentWork& work, const std::optional<targets::Undo>& undo) {
  if (!undo) {
    work.await("release",
               "what isolation took is not known any more: release with --victim leave or --victim delete");
    return step_waits(work.world().settings.retry);
  }
  if (!undo->from_annotation)
    work.note("The undo annotation was edited or removed; the incident's copy is used");
  return std::nullopt;
}

Result<bool> keep_quarantine_policy(IncidentWork& work) {
  const targets::PodTarget& target = work.world().cluster->target;
  const std::string& name_space = work.target().name_space;
  const bool may_look = work.mode() > Mode::kObserve && leader_may_send(work);
  if (!may_look || target.knows_quarantine_policy(name_space)) return true;
  const auto stands = target.has_quarantine_policy(name_space, {});
  if (!stands) return fail(stands.error());
  // What is back already was put back by us, and the watch is about to show it: it counts once.
  if (*stands || !may_reassert(work)) return false;
  auto mended = mend_policy(work);
  if (mended) return true;
  if (!mended.error().is_refusal()) take_back_reassertion(work, mended.error().to_string());
  return fail(std::move(mended).error());
}

}  // namespace kintsugi::controller
