// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json_text.h"
#include "controller/containment_questions.h"
#include "controller/kubevirt/machine_links.h"
#include "controller/kubevirt/machine_steps.h"
#include "playbooks/guards.h"
#include "targets/kubevirt/launcher.h"

namespace kintsugi::controller {
namespace {

using playbooks::GuardVerdict;
using targets::MachineInstance;
using targets::Pod;

constexpr std::string_view kPause = "contain/pause";
/// A machine that is migrated again and again gets a launcher by each.
constexpr std::size_t kManyEntries = kMaxJournalEntries / 2;

ContainStep arguments_of(IncidentWork& work) {
  const auto* step = work.playbook()->step<ContainStep>();
  return step == nullptr ? ContainStep() : *step;
}

bool wants_pause(IncidentWork& work) {
  return arguments_of(work).pause.value_or(true);
}

/// What comes after the instance starts as the template was.
StepResult gone(IncidentWork& work) {
  if (work.mode() > Mode::kObserve) {
    if (auto links = give_links_back(work); !links || !links->done) return links;
  }
  work.conclude(condition::kContained,
                {ConditionStatus::kTrue, "VictimGone", "the instance no longer exists"});
  work.settle("contain", {kUncontainedQuestion, kRemovedQuestion});
  return step_done();
}

StepResult ended(IncidentWork& work) {
  work.conclude(condition::kContained,
                {ConditionStatus::kTrue, "ShutOff", "the instance does not run any more"});
  work.settle("contain", {kUncontainedQuestion, kRemovedQuestion});
  return step_done();
}

GuardVerdict judge(IncidentWork& work, const Pod& launcher) {
  GuardVerdict protection =
      playbooks::check_protection({work.target(), work.world().settings.name_space, launcher.meta.labels,
                                   launcher.priority_class, launcher.is_static});
  if (!protection.allowed()) return protection;
  const Guards& guards = work.playbook()->guards;
  if (guards.has_caps()) {
    playbooks::CapFacts facts = caps_by_others(work, work.incident().spec.owner);
    facts.owner_replicas = 1;
    const GuardVerdict caps = playbooks::check_caps(guards, facts);
    if (!caps.allowed()) return caps;
  }
  if (work.playbook()->requires_approval("contain")) {
    return {GuardVerdict::Kind::kNeedsApproval, "the playbook asks for approval before containment"};
  }
  return {};
}

/// The plan of an incident that may change nothing, for people to read.
StepResult record_plan(IncidentWork& work, const std::vector<PodPointer>& launchers) {
  for (const PodPointer& launcher : launchers) {
    const Action action = targets::plan_launcher_isolation(*launcher, work.incident().name, "");
    if (auto kept = work.journal(action, JournalEntry::State::kPlanned); !kept) return fail(kept.error());
  }
  work.conclude(condition::kContained, {ConditionStatus::kFalse, "ObserveOnly",
                                        "mode observe: the plan is in the journal, nothing was changed"});
  return step_done();
}

/// Launchers that are gone have nothing to be given back. The timeline goes on to tell of them.
void forget_gone_launchers(IncidentWork& work) {
  auto& journal = work.status().journal;
  if (journal.size() < kManyEntries) return;
  std::set<std::string> present;
  for (const PodPointer& pod : work.world().cluster->cache.pods_controlled_by(work.target().uid))
    present.insert(targets::launcher_isolation_id(*pod));
  std::erase_if(journal, [&](const JournalEntry& entry) {
    return targets::is_launcher_isolation(entry.action.id) && !present.contains(entry.action.id);
  });
}

/// Puts an isolated launcher on record. What is told of it comes from the record and not from who isolated
/// it: the pass that did may have been unable to save.
void remember(IncidentWork& work, const Pod& launcher, Action action) {
  auto& record = work.status().containment;
  if (record && !is_applied(work.incident(), action.id))
    work.note("Another launcher of the machine is isolated, too: " + launcher.meta.name);
  if (!record) {
    record = targets::containment_record(launcher);
    record->time = work.now();
    record->controller = work.incident().spec.owner;
  }
  const auto undo = targets::find_undo(launcher, std::nullopt);
  action.undo = json_text(nlohmann::json({{"labels", undo ? undo->labels : Labels()}}));
  forget_gone_launchers(work);
  if (!work.journal(action, JournalEntry::State::kApplied))
    work.note("The journal is full: the undo is in the launcher only");
}

std::string ways_out(IncidentWork& work) {
  return "or 'kintsugi release " + work.incident().name +
         " --victim delete' to delete the instance after its evidence";
}

StepResult refused(IncidentWork& work, const char* reason, const Error& error) {
  work.conclude(condition::kContained, {ConditionStatus::kFalse, reason, error.to_string()});
  ask_to_go_on(work, "the machine cannot be isolated: " + error.to_string(), ways_out(work));
  return step_done();
}

/// The launcher as it is, where the cache may lag behind our own write; nullptr: gone.
Result<PodPointer> look_again(IncidentWork& work, const PodPointer& launcher) {
  auto live = work.world().cluster->target.read(launcher->ref(), {});
  if (!live) return fail(std::move(live).error());
  if (!*live) return PodPointer();
  return std::make_shared<const Pod>(std::move(**live));
}

/// What became of one launcher.
struct Launcher {
  PodPointer pod;                          ///< in quarantine, as it is now; nullptr: gone
  std::optional<StepResult> instead = {};  ///< the step ends here
};

Launcher isolate(IncidentWork& work, const PodPointer& launcher, const std::function<bool()>& may_send,
                 std::chrono::milliseconds timeout) {
  const std::string forensics = arguments_of(work).forensics;
  const auto plan = [&](const Pod& live) {
    const auto earlier = undo_of_launcher(work, live);
    return targets::plan_launcher_isolation(live, work.incident().name, forensics,
                                            earlier ? &*earlier : nullptr);
  };
  const auto tried = isolate_pod(work, launcher, plan, may_send, timeout);
  if (!tried) return {nullptr, StepResult(fail(tried.error()))};
  using Outcome = PodIsolation::Outcome;
  switch (tried->outcome) {
    case Outcome::kGone: return {nullptr};
    case Outcome::kNotNow: return {nullptr, step_waits(work.world().settings.recheck)};
    case Outcome::kPolicyRefused: return {nullptr, refused(work, "PolicyRefused", tried->refusal)};
    case Outcome::kPatchRefused: return {nullptr, refused(work, "PatchRefused", tried->refusal)};
    case Outcome::kDone:
    case Outcome::kFoundDone: break;
  }
  remember(work, *tried->after, tried->action);
  return {tried->after};
}

/// A launcher that is not in quarantine gets there; one that somebody has taken out of it, three times.
Launcher see_to(IncidentWork& work, const PodPointer& known, const std::function<bool()>& may_send,
                std::chrono::milliseconds timeout) {
  const std::string id = targets::launcher_isolation_id(*known);
  const bool was_isolated = is_applied(work.incident(), id);
  PodPointer launcher = known;
  if (was_isolated && !is_in_quarantine_of(*launcher, work.incident())) {
    auto live = look_again(work, launcher);
    if (!live) return {nullptr, StepResult(fail(std::move(live).error()))};
    if (*live == nullptr) return {nullptr};
    launcher = *live;
  }
  if (is_in_quarantine_of(*launcher, work.incident())) {
    if (!was_isolated)
      remember(work, *launcher, targets::plan_launcher_isolation(*launcher, work.incident().name, ""));
    return {launcher};
  }
  if (!was_isolated) return isolate(work, launcher, may_send, timeout);
  if (!may_reassert(work)) return {nullptr, step_waits(work.world().settings.recheck)};
  work.note("The quarantine was taken away by somebody and is put back");
  if (auto saved = work.save(); !saved) return {nullptr, StepResult(fail(std::move(saved).error()))};
  Launcher again = isolate(work, launcher, may_send, timeout);
  const auto& instead = again.instead;
  if (instead && !*instead) take_back_reassertion(work, instead->error().to_string());
  if (instead && *instead && !(*instead)->done) take_back_reassertion(work, "it may not be written now");
  return again;
}

/// A migration would carry the guest to another launcher, and forbids to pause it. Nothing: there is none.
std::optional<StepResult> end_migrations(IncidentWork& work, const MachineInstance& instance) {
  if (!instance.is_migrating) return std::nullopt;
  const auto migrations = work.world().cluster->machines.migrations_of(work.target());
  if (!migrations) return StepResult(fail(migrations.error()));
  for (const TargetRef& migration : *migrations) {
    const Action action = targets::plan_migration_end(work.target(), migration);
    if (auto done = carry_out_on_machine(work, action); !done || !done->done) return done;
  }
  return std::nullopt;
}

/// Stops the processors, and again where somebody lets them run. Nothing: it goes on with the assessment.
std::optional<StepResult> pause(IncidentWork& work, const MachineInstance& instance) {
  const bool is_ending = instance.meta.being_deleted;
  if (instance.paused || is_ending || !wants_pause(work) || !targets::may_pause(instance).possible)
    return std::nullopt;
  if (!leader_may_send(work)) return step_waits(work.world().settings.recheck);
  Action action = targets::plan_pause(instance);
  const auto& journal = work.incident().status.journal;
  const auto before = std::find_if(journal.begin(), journal.end(),
                                   [](const JournalEntry& entry) { return entry.action.id == kPause; });
  if (before != journal.end()) action.undo = before->action.undo;  // as it was before the first time
  if (is_applied(work.incident(), kPause) && is_true(work.status(), condition::kContained)) {
    if (!may_reassert(work)) return step_waits(work.world().settings.recheck);
    work.note("The processors were started by somebody and are stopped again");
  }
  auto done = carry_out_on_machine(work, action);
  if (done) return done->done ? step_waits(std::chrono::milliseconds(0)) : done;
  const Error& error = done.error();
  // Paused by somebody else, migrating, about to end: what is there is what counts, and it is looked at
  // again.
  if (error.code == ErrorCode::kConflict || error.code == ErrorCode::kNotFound || error.outcome_unknown)
    return step_waits(work.world().settings.recheck);
  if (error.is_refusal()) return refused(work, "PauseRefused", error);
  return done;
}

StepResult assess(IncidentWork& work, const MachineInstance& instance,
                  const std::vector<targets::LauncherProof>& proofs, const targets::LinkNote& links) {
  const Finding finding = targets::assess_machine(instance, proofs, wants_pause(work), links);
  work.conclude(condition::kContained, finding);
  if (finding.holds()) {
    if (!work.status().times.contained) work.status().times.contained = work.now();
    work.settle("contain", {kUncontainedQuestion, kRemovedQuestion});
    return step_done();
  }
  if (finding.reason == "NotPaused" || finding.reason == "LinksNotDown")
    return step_waits(work.world().settings.recheck);
  ask_to_go_on(work, finding.message + ". Close what leaks", ways_out(work));
  return step_done();
}

/// The launchers are in quarantine; the rest is the leader's alone.
StepResult finish(IncidentWork& work, const std::vector<PodPointer>& launchers) {
  auto instance = work.world().cluster->machines.read(work.target());
  if (!instance) return fail(std::move(instance).error());
  if (!*instance) return gone(work);
  if (launchers.empty() && ((*instance)->is_final() || (*instance)->meta.being_deleted)) return ended(work);
  if (launchers.empty()) {
    work.conclude(condition::kContained,
                  {ConditionStatus::kFalse, "NoLauncher", "the instance has no launcher yet"});
    return step_waits(work.world().settings.recheck);
  }
  if (auto& record = work.status().containment) record->controller = (*instance)->meta.controller;
  settle_pause(work, **instance);
  targets::LinkNote links;
  if (work.mode() > Mode::kObserve) {
    const auto kept = keep_quarantine_policy(work);
    if (!kept && kept.error().is_refusal()) return refused(work, "PolicyRefused", kept.error());
    if (!kept) return fail(kept.error());
    if (!*kept) return step_waits(work.world().settings.recheck);
    if (auto instead = end_migrations(work, **instance)) return *instead;
    if (auto instead = pause(work, **instance)) return *instead;
    if (auto instead = take_links_down(work, **instance, links)) return *instead;
    // It is about to be replaced: until then what was true of it stands.
    if (has_begun_to_give_links_back(work.incident()) && is_true(work.status(), condition::kContained))
      return step_done();
  }
  std::vector<targets::LauncherProof> proofs;
  for (const PodPointer& launcher : launchers)
    proofs.push_back({launcher->meta.name, prove_isolation_of(work.world(), *launcher)});
  return assess(work, **instance, proofs, links);
}

}  // namespace

StepResult MachineSteps::contain(IncidentWork& work, const std::function<bool()>& may_send,
                                 std::chrono::milliseconds timeout) const {
  const auto known = launchers_of(cluster_.cache, work.target().uid);
  const bool may_act = work.mode() > Mode::kObserve;
  if (!may_act && !work.status().containment) return record_plan(work, known);
  const bool is_first =
      !work.status().containment && std::none_of(known.begin(), known.end(), [&](const PodPointer& launcher) {
        return is_in_quarantine_of(*launcher, work.incident());
      });
  if (is_first && !known.empty()) {
    if (auto asked = ask_before_containment(work, judge(work, *known.front()))) return *asked;
  }
  std::vector<PodPointer> launchers;
  for (const PodPointer& launcher : known) {
    Launcher seen = may_act ? see_to(work, launcher, may_send, timeout) : Launcher{launcher};
    if (seen.instead) return *seen.instead;
    if (seen.pod != nullptr) launchers.push_back(seen.pod);
  }
  if (work.is_winner()) return step_done();
  return finish(work, launchers);
}

}  // namespace kintsugi::controller
