// SPDX-License-Identifier: Apache-2.0
#include "controller/reconciler.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "playbooks/matcher.h"

namespace kintsugi::controller {
namespace {

// An origin is at most a day old when its signal comes (signals/), and the creation follows within seconds.
constexpr std::chrono::hours kOldestOrigin{25};
constexpr std::chrono::minutes kClockSkew{2};

std::string target_key(const std::string& uid) {
  return "target " + uid;
}
std::string owner_key(const std::string& uid) {
  return "owner " + uid;
}
std::string namespace_key(const std::string& name) {
  return "namespace " + name;
}

/// No replica has won such an incident, so no winner's patch is under way.
bool is_by_person(const Incident& incident) {
  return incident.spec.origin.source == "person";
}

/// Of a status that no leader has begun: the signals that have joined since the creation, and the stronger
/// playbook that one of them brought. Anything else in it was written by nobody that counts.
IncidentStatus what_intake_wrote(IncidentStatus written) {
  IncidentStatus kept;
  kept.signals = std::move(written.signals);
  kept.severity = written.severity;
  kept.timeline = std::move(written.timeline);
  kept.playbook = std::move(written.playbook);
  return kept;
}

/// For the queue: tried again with backoff, because no watch tells when rights or credentials are mended.
k8s::ReconcileResult failed(Error error) {
  error.retryable = true;
  return tl::unexpected(std::move(error));
}

StepResult refuse(IncidentWork& work, std::string_view reason, const std::string& message) {
  work.end(Outcome::kFailed, reason, message);
  return step_done();
}

/// The times of the origin, as far as the API server's own time of creation bears them out: whoever may write
/// incidents could claim any.
void set_times(IncidentWork& work) {
  const Incident& incident = work.incident();
  const Origin& origin = incident.spec.origin;
  IncidentTimes& times = work.status().times;
  times.detected =
      std::clamp(origin.detected, incident.created - kOldestOrigin, incident.created + kClockSkew);
  times.compromise_start = origin.compromise_start;
  if (times.compromise_start && *times.compromise_start > *times.detected) times.compromise_start.reset();
  if (origin.time_was_clamped || times.detected != origin.detected)
    work.note("The signal's time was not plausible; the time of its receipt counts");
}

/// What no retry mends is for people to see, where they look.
void show_failure(IncidentWork& work, std::string_view condition, const StepResult& outcome) {
  if (outcome || outcome.error().retryable) return;
  const Error& error = outcome.error();
  if (error.code == ErrorCode::kConflict || error.code == ErrorCode::kCancelled) return;
  work.conclude(condition, {ConditionStatus::kFalse, error.reason.empty() ? "StepFailed" : error.reason,
                            error.to_string()});
}

}  // namespace

Reconciler::Reconciler(World& world) : world_(world) {}

k8s::ReconcileResult Reconciler::reconcile(const std::string& name) {
  const auto stored = world_.store.cached(name);
  if (stored == nullptr) {
    untrack(name);
    world_.jobs.cancel(name);
    world_.steps.forget(name);  // also what a job has left meanwhile, which wakes it
    return std::nullopt;
  }
  if (const auto started = begin_first_try(name); started && !counts_before_it_contains(*stored)) {
    return contain_as_winner(*stored, *started);
  }
  if (!world_.leadership.leads()) return std::nullopt;
  if (is_fenced(*stored)) {
    return failed(
        make_error(ErrorCode::kRefused, "a later leader has written it; this process is about to end")
            .on("incident " + name));
  }
  if (stored->being_deleted) return finalize(*stored);
  if (!stored->has_ledger_finalizer) {
    if (auto held = world_.store.hold_finalizer(*stored); !held) return failed(std::move(held).error());
    return std::nullopt;  // the change wakes it again
  }
  track(*stored);
  auto playbook = playbook_of(*stored);
  const Mode mode = permitted_mode(*stored, playbook.get());
  IncidentWork work(world_, *stored, std::move(playbook), mode);
  work.set_isolation(isolation_of(name));
  std::unique_lock one_at_a_time(caps_mutex_, std::defer_lock);
  if (!stored->status.containment && counts_before_it_contains(*stored)) one_at_a_time.lock();
  const StepResult outcome = advance(work);
  // What was found out is kept even where a step failed: the next try starts from it.
  if (auto saved = work.save(); !saved) return failed(std::move(saved).error());
  if (one_at_a_time.owns_lock()) one_at_a_time.unlock();
  forget_isolation(name);
  if (work.incident().is_over()) world_.steps.forget(name);
  if (work.incident().is_over() && outcome && !outcome->look_again) untrack(name);
  if (!outcome) {
    world_.log.warning("A step failed", {{"incident", name}, {"error", outcome.error().to_string()}});
    return failed(outcome.error());
  }
  return outcome->look_again;
}

/// The one that is in force: a stronger one may have taken over.
std::shared_ptr<const Playbook> Reconciler::playbook_of(const Incident& incident) const {
  const std::string& taken_over = incident.status.playbook;
  return world_.book.find(taken_over.empty() ? incident.spec.playbook : taken_over);
}

/// Caps count what is stored: where there are some, the leader stores each containment before it judges the
/// next, one at a time.
bool Reconciler::counts_before_it_contains(const Incident& incident) const {
  const auto playbook = playbook_of(incident);
  return playbook != nullptr && playbook->guards.has_caps() && world_.leadership.leads();
}

void Reconciler::won(const std::string& name, MonotonicTime create_started) {
  std::lock_guard lock(mutex_);
  won_[name] = {create_started, false, nullptr};
}

/// Whether a leader of a later term has been here: this one is none any more, and has yet to find out
/// (K8.10).
bool Reconciler::is_fenced(const Incident& incident) const {
  const std::int64_t token = world_.leadership.fencing_token();
  return token > 0 && incident.status.fencing_token > token;
}

bool Reconciler::is_won(const std::string& name) const {
  std::lock_guard lock(mutex_);
  return won_.contains(name);
}

std::optional<MonotonicTime> Reconciler::begin_first_try(const std::string& name) {
  std::lock_guard lock(mutex_);
  const auto found = won_.find(name);
  if (found == won_.end() || std::exchange(found->second.tried, true)) return std::nullopt;
  return found->second.create_started;
}

std::shared_ptr<const Isolation> Reconciler::isolation_of(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto found = won_.find(name);
  return found == won_.end() ? nullptr : found->second.isolation;
}

void Reconciler::forget_isolation(const std::string& name) {
  std::lock_guard lock(mutex_);
  if (const auto found = won_.find(name); found != won_.end()) found->second.isolation.reset();
}

k8s::ReconcileResult Reconciler::contain_as_winner(const Incident& incident, MonotonicTime create_started) {
  std::shared_ptr<const Isolation> isolation;
  auto playbook = playbook_of(incident);
  const Mode mode = permitted_mode(incident, playbook.get());
  const bool wanted =
      playbook != nullptr && mode > Mode::kObserve && !incident.spec.hold && !incident.is_over();
  if (wanted) {
    IncidentWork work(world_, incident, std::move(playbook), mode, IncidentWork::Voice::kWinner);
    // Another process's leader takes over after a while: until then, and not later, the winner may send.
    const bool as_leader = leader_may_send(work);
    const auto may_send = [&] {
      return as_leader ? leader_may_send(work)
                       : world_.clock.monotonic() - create_started < world_.settings.contain_window;
    };
    const auto timeout = as_leader ? world_.settings.leader_contain_timeout : world_.settings.contain_timeout;
    // The outcome is the leader's to write. Another process's leader reads the pod.
    if (auto outcome = world_.steps.contain(work, may_send, timeout); !outcome) {
      world_.log.warning("Left to the leader",
                         {{"incident", incident.name}, {"error", outcome.error().to_string()}});
    }
    isolation = work.isolation();
  }
  const bool leads = world_.leadership.leads();
  {
    std::lock_guard lock(mutex_);
    if (leads) {
      won_[incident.name].isolation = std::move(isolation);
    } else {
      won_.erase(incident.name);
    }
  }
  if (leads) world_.wake(incident.name);
  return std::nullopt;
}

k8s::ReconcileResult Reconciler::finalize(const Incident& incident) {
  untrack(incident.name);
  world_.jobs.cancel(incident.name);
  world_.steps.forget(incident.name);
  if (!incident.has_ledger_finalizer) return std::nullopt;
  if (auto folded = world_.ledger.fold(incidents::record_of(incident)); !folded)
    return failed(std::move(folded).error());
  if (auto released = world_.store.release_finalizer(incident); !released)
    return failed(std::move(released).error());
  world_.log.info("Folded a deleted incident into the ledger", {{"incident", incident.name}});
  return std::nullopt;
}

Mode Reconciler::permitted_mode(const Incident& incident, const Playbook* playbook) const {
  if (playbook == nullptr) return Mode::kObserve;
  const Mode own =
      incident.status.has_begun() ? mode_of(incident) : std::min(mode_of(incident), playbook->mode);
  return std::min(own, world_.steps.mode_cap(incident.spec.target));
}

StepResult Reconciler::advance(IncidentWork& work) {
  if (!work.status().has_begun()) {
    if (auto instead = begin(work)) return *instead;
  }
  if (work.incident().is_over()) return world_.steps.dispose_of_victim(work);
  if (work.playbook() == nullptr) {
    work.note("Playbook " + work.status().playbook +
              " is gone; nothing is done until it is back or the incident is released");
    if (!work.incident().spec.release) return step_waits(world_.settings.retry);
  }
  const auto age = work.now() - work.incident().created;
  const bool settled = is_by_person(work.incident()) || age >= world_.settings.person_grace;
  if (work.incident().spec.release) {
    return settled ? world_.steps.release(work) : step_waits(world_.settings.person_grace - age);
  }
  if (settled && is_held(work)) return step_waits();
  if (work.mode() == Mode::kOff) {
    work.note("Switched off: nothing is done until the mode permits it again");
    return step_waits(world_.settings.recheck);
  }
  return run_steps(work);
}

/// Stays open while signals come, so that a storm is one incident.
StepResult Reconciler::observe(IncidentWork& work) {
  if (work.status().containment) {
    work.note(
        "Capped to observe: what is isolated stays so, and nothing more is done until the mode permits it");
    return step_waits(world_.settings.recheck);
  }
  WallTime last = work.incident().created;
  for (const SignalTally& tally : work.status().signals) last = std::max(last, tally.last);
  const auto* verify = work.playbook()->step<VerifyStep>();
  const WallTime quiet_until = last + (verify == nullptr ? VerifyStep() : *verify).quiet;
  if (work.now() < quiet_until) return step_waits(quiet_until - work.now());
  work.end(Outcome::kObserved, "ObserveOnly", "mode observe: nothing was changed");
  return step_done();
}

StepResult Reconciler::run_steps(IncidentWork& work) {
  auto contained =
      world_.steps.contain(work, [&] { return may_send(work); }, world_.settings.leader_contain_timeout);
  show_failure(work, condition::kContained, contained);
  if (!contained || !contained->done) return contained;
  // A hold that is not in effect yet: what a winner isolated is on record now, and nothing else is begun.
  if (work.incident().spec.hold) return step_waits(world_.settings.recheck);
  if (work.mode() == Mode::kObserve) return observe(work);
  constexpr struct {
    StepResult (TargetSteps::*run)(IncidentWork&) const;
    std::string_view condition;
  } kSteps[] = {{&TargetSteps::collect, condition::kEvidencePreserved},
                {&TargetSteps::redeploy, condition::kRedeployed},
                {&TargetSteps::verify, condition::kRecovered}};
  for (const auto& step : kSteps) {
    StepResult outcome = (world_.steps.*step.run)(work);
    show_failure(work, step.condition, outcome);
    if (!outcome || !outcome->done || work.incident().is_over()) return outcome;
  }
  return step_done();
}

/// A target has one open incident: the one of its signals, else that which a person wrote first. Two would
/// undo each other's work.
incidents::IncidentStore::Pointer Reconciler::open_incident_of_same_target(const Incident& incident) const {
  for (const auto& other : world_.store.of_target(incident.spec.target.uid)) {
    if (other->name == incident.name || other->is_over() || other->being_deleted) continue;
    const bool is_earlier = std::tie(other->created, other->name) < std::tie(incident.created, incident.name);
    if (!is_by_person(*other) || is_earlier) return other;
  }
  return nullptr;
}

/// The first visit: what the incident starts from. A result: it ended here, or cannot begin yet.
std::optional<StepResult> Reconciler::begin(IncidentWork& work) {
  const Incident& incident = work.incident();
  const Origin& origin = incident.spec.origin;
  const bool by_person = is_by_person(incident);
  // A replica that took the signal knew the playbook and the namespace: this one may be about to.
  const bool may_lag = !by_person && incident.problem.empty() &&
                       work.now() - incident.created < world_.settings.configuration_lag;
  if (may_lag && (work.playbook() == nullptr || !world_.steps.is_protected(incident.spec.target))) {
    return step_waits(world_.settings.recheck);
  }
  IncidentStatus& status = work.status();
  status = what_intake_wrote(std::move(status));
  if (status.playbook.empty()) {
    status.playbook = incident.spec.playbook.empty() ? "none" : incident.spec.playbook;
  }
  set_times(work);
  if (!incident.problem.empty()) return refuse(work, "InvalidSpec", incident.problem);
  tally_signal(status, origin.source, origin.rule, origin.severity, origin.detected);
  if (work.playbook() == nullptr)
    return refuse(work, "UnknownPlaybook", "there is no playbook " + status.playbook);
  if (const auto open = by_person ? open_incident_of_same_target(incident) : nullptr)
    return refuse(work, "AlreadyOpen", "incident " + open->name + " is about the same target");
  status.playbook_hash = work.playbook()->hash;
  status.mode = work.mode();
  status.acknowledged_by = by_person ? "person" : "playbook";
  status.times.acknowledged =
      std::max(*status.times.detected, by_person ? incident.created : origin.received);
  work.note(by_person ? "Opened by a person with playbook " + status.playbook
                      : "Opened by signal " + origin.source + ": " + origin.rule);
  if (!origin.note.empty()) work.note(origin.note);
  if (const auto why = world_.steps.taboo(incident.spec.target)) return refuse(work, "Refused", *why);
  if (!world_.steps.is_protected(incident.spec.target))
    return refuse(work, "Refused", "the namespace is not protected");
  return std::nullopt;
}

bool Reconciler::is_held(IncidentWork& work) {
  const bool held = is_true(work.status(), condition::kHeld);
  if (work.incident().spec.hold) {
    work.conclude(condition::kHeld,
                  {ConditionStatus::kTrue, "HeldByPerson", "a person stopped it; 'kintsugi resume' goes on"});
  } else if (held) {
    work.conclude(condition::kHeld, {ConditionStatus::kFalse, "Resumed", "goes on"});
  }
  return work.incident().spec.hold;
}

bool Reconciler::may_send(IncidentWork& work) {
  // Another process that won may still be about to send; after that it is the leader's.
  const bool won = is_won(work.incident().name);
  const bool winner_is_late = work.now() - work.incident().created >= world_.settings.leader_redrive;
  return (won || is_by_person(work.incident()) || winner_is_late) && leader_may_send(work);
}

void Reconciler::track(const Incident& incident) {
  std::set<std::string> keys{target_key(incident.spec.target.uid),
                             namespace_key(incident.spec.target.name_space)};
  if (!incident.spec.owner.uid.empty()) keys.insert(owner_key(incident.spec.owner.uid));
  std::lock_guard lock(mutex_);
  if (keys_[incident.name] == keys) return;
  for (const std::string& key : keys) incidents_[key].insert(incident.name);
  keys_[incident.name] = std::move(keys);
}

void Reconciler::untrack(const std::string& name) {
  std::lock_guard lock(mutex_);
  won_.erase(name);
  const auto found = keys_.find(name);
  if (found == keys_.end()) return;
  for (const std::string& key : found->second) {
    const auto names = incidents_.find(key);
    if (names == incidents_.end()) continue;
    names->second.erase(name);
    if (names->second.empty()) incidents_.erase(names);
  }
  keys_.erase(found);
}

std::vector<std::string> Reconciler::tracked(const std::string& key) const {
  std::lock_guard lock(mutex_);
  const auto found = incidents_.find(key);
  return found == incidents_.end() ? std::vector<std::string>()
                                   : std::vector<std::string>(found->second.begin(), found->second.end());
}

std::vector<std::string> Reconciler::concerned_by_target(const std::string& uid) const {
  return tracked(target_key(uid));
}

std::vector<std::string> Reconciler::concerned_by_owner(const std::string& uid) const {
  return tracked(owner_key(uid));
}

std::vector<std::string> Reconciler::concerned_by_namespace(const std::string& name_space) const {
  return tracked(namespace_key(name_space));
}

}  // namespace kintsugi::controller
