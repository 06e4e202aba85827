// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "base/json_text.h"
#include "controller/containment_questions.h"
#include "host/domain_changes.h"
#include "host/domain_rebuild_record.h"
#include "host/domain_resolver.h"
#include "host/domain_steps.h"
#include "host/silence_watch.h"
#include "playbooks/guards.h"
#include "targets/libvirt/domain_rebuild.h"

namespace kintsugi::host {
namespace {

using controller::step_done;
using controller::step_waits;
using targets::DomainIsolation;
using targets::DomainObservation;

constexpr char kIsolation[] = "contain/isolate";
constexpr char kSealing[] = "contain/seal";
constexpr char kAgentClosing[] = "contain/agent";
constexpr char kLowering[] = "contain/links";

bool is_ours(const DomainObservation& domain, const Incident& incident) {
  return domain.any().incident == incident.name ||
         (domain.persistent && domain.persistent->incident == incident.name);
}

/// What is done, for people: definitions hold passwords.
Action action_on(const DomainObservation& domain, const DomainIsolation& wanted) {
  nlohmann::json body = {{"linksDown", nlohmann::json::array()}, {"pause", wanted.pause}};
  for (const targets::DomainInterface& interface : domain.any().interfaces)
    body["linksDown"].push_back(interface.mac);
  for (const targets::DomainPassage& passage : domain.any().passages)
    body["closed"].push_back(passage.kind + " " + passage.name);
  if (const auto& quarantine = (domain.persistent ? *domain.persistent : *domain.live).terms.quarantine)
    body["movedTo"] = quarantine->name;
  const TargetRef target = target_of(domain.any());
  Action action = action_about(target, kIsolation, "isolate domain " + target.name);
  action.body = json_text(body);
  return action;
}

Action sealing_of(const Incident& incident) {
  const TargetRef& target = incident.spec.target;
  return action_about(target, kSealing,
                      "filter the network cards of domain " + target.name + " and close what else leads out");
}

Action agent_closing_of(const Incident& incident) {
  const TargetRef& target = incident.spec.target;
  return action_about(target, kAgentClosing, "close the guest agent's channel of domain " + target.name);
}

Action lowering_of(const Incident& incident) {
  const TargetRef& target = incident.spec.target;
  return action_about(target, kLowering,
                      "put the links of domain " + target.name + " down that are up behind libvirt's back");
}

/// What of the second line is still to be done; nothing: all is.
std::optional<Action> next_sealing(IncidentWork& work, const DomainIsolation& wanted) {
  const Incident& incident = work.incident();
  if (!controller::is_applied(incident, kSealing)) return sealing_of(incident);
  const bool is_to_close = wants_guest(work) && !wanted.agent_stays;
  if (is_to_close && !controller::is_applied(incident, kAgentClosing)) return agent_closing_of(incident);
  return std::nullopt;
}

/// Whether what a definition says to be rebuilt by this incident is to be isolated like any other: a signal
/// has come about it, or it was not this incident that rebuilt it.
bool is_rebuilt_suspected(const Incident& incident) {
  return is_suspected_again(incident) || !has_begun_rebuild(incident);
}

playbooks::GuardVerdict judge(IncidentWork& work) {
  const Guards& guards = work.playbook()->guards;
  if (guards.has_caps()) {
    playbooks::CapFacts facts;
    facts.now = work.now();
    for (const auto& other : work.world().store.list()) {
      const auto& isolated = other->status.containment;
      if (other->name != work.incident().name && isolated && isolated->time)
        facts.containments.push_back(*isolated->time);
    }
    const auto caps = playbooks::check_caps(guards, facts);
    if (!caps.allowed()) return caps;
  }
  if (work.playbook()->requires_approval("contain")) {
    return {playbooks::GuardVerdict::Kind::kNeedsApproval,
            "the playbook asks for approval before containment"};
  }
  return {};
}

/// Whether the breached machine would be started with the host.
bool starts_with_host(const DomainObservation& domain) {
  return domain.persistent && domain.status.autostart;
}

StepResult gone(IncidentWork& work) {
  work.conclude(condition::kContained,
                {ConditionStatus::kTrue, "VictimGone", "the domain is not on this host any more"});
  work.settle("contain", {controller::kUncontainedQuestion, controller::kRemovedQuestion});
  return step_done();
}

/// This host's libvirt cannot say what becomes of the links there.
StepResult migrated(IncidentWork& work) {
  const std::string why = what_migration_means(work);
  work.conclude(condition::kContained, {ConditionStatus::kFalse, kMigrated, why});
  work.await("contain", why);
  return step_waits(work.world().settings.recheck);
}

/// Nothing of the breached machine is left to contain.
bool is_replaced(const DomainObservation& domain) {
  return !domain.live && !domain.persistent;
}

StepResult replaced(IncidentWork& work) {
  expect_changes(work);  // should the rebuilt machine be suspected, it is another
  work.conclude(
      condition::kContained,
      {ConditionStatus::kTrue, "Replaced",
       "the breached machine's process has ended, and the domain starts from the rebuilt definition"});
  work.settle("contain", {controller::kUncontainedQuestion, controller::kRemovedQuestion});
  return step_done();
}

/// Whether links that were found to be raised at QEMU are still to be put down, by whatever process.
bool is_to_lower(const Incident& incident) {
  return controller::is_planned(incident, kLowering);
}

/// The network cards through which the guest has sent; what they were may be forgotten.
std::vector<std::string> cards_to_lower(const Silence& silence, const targets::Domain& live) {
  std::vector<std::string> macs;
  for (const targets::CountedCard& card : silence.traffic.loud()) macs.push_back(card.mac);
  if (!macs.empty()) return macs;
  for (const targets::DomainInterface& card : targets::closed_cards(live)) macs.push_back(card.mac);
  return macs;
}

bool is_just_counted(const Silence& silence) {
  return !silence.traffic.counted.empty() && !silence.traffic.is_compared;
}

bool has_sent(IncidentWork& work) {
  const Condition* contained = find_condition(work.status(), condition::kContained);
  return contained != nullptr && contained->reason == kGuestSends;
}

/// Whether a person has said to go on with a machine that is not contained.
bool is_accepted(IncidentWork& work) {
  const Approval* answer = find_answer(work.incident(), controller::kUncontainedQuestion);
  return answer != nullptr && answer->approved;
}

/// Whether the isolation as it was made last was to stop the processors: a playbook that joined later may
/// want more than the one before it.
bool was_to_pause(const Incident& incident) {
  const auto& journal = incident.status.journal;
  const auto made = std::find_if(journal.begin(), journal.end(),
                                 [](const JournalEntry& entry) { return entry.action.id == kIsolation; });
  if (made == journal.end()) return false;
  const auto body = parse_json(made->action.body);
  return body && body->is_object() && body->contains("pause") && body->at("pause") == true;
}

void remember(IncidentWork& work, const Action& action) {
  if (!work.status().containment) {
    work.status().containment.emplace();
    work.status().containment->time = work.now();
  }
  if (!work.journal(action, JournalEntry::State::kApplied))
    work.note("The journal is full: the undo is in the domain's metadata only");
}

/// The plan of an incident that may change nothing, for people to read.
StepResult record_plan(IncidentWork& work, const Action& action) {
  if (auto kept = work.journal(action, JournalEntry::State::kPlanned); !kept) return fail(kept.error());
  work.conclude(condition::kContained, {ConditionStatus::kFalse, "ObserveOnly",
                                        "mode observe: the plan is in the journal, nothing was changed"});
  return step_done();
}

}  // namespace

bool has_migrated(const DomainWorld& domains, IncidentWork& work,
                  const std::optional<DomainObservation>& domain) {
  if (domain) return !domain->live && domain->status.is_migrated;
  // Nobody else remembers it once the controller has ended.
  const Condition* contained = find_condition(work.status(), condition::kContained);
  return domains.hypervisor.has_left(work.target().uid) ||
         (contained != nullptr && contained->reason == kMigrated);
}

std::string what_migration_means(IncidentWork& work) {
  const std::string& name = work.target().name;
  const char* const state = work.status().containment
                                ? "what was cut off here went with it, and nobody keeps it so there"
                                : "it was not isolated before";
  return fmt::format(
      "the domain was migrated, and runs on another host: {}. On that host isolate it ('virsh suspend {}', "
      "or an incident there) or migrate it back, which is seen here; then release this incident with "
      "--victim leave",
      state, escape(name, 64));
}

bool wants_guest(IncidentWork& work) {
  const Playbook* playbook = work.playbook();
  const auto* contain = playbook == nullptr ? nullptr : playbook->step<ContainStep>();
  const auto* collect = playbook == nullptr ? nullptr : playbook->step<CollectStep>();
  const bool will_pause = contain != nullptr && contain->pause.value_or(false);
  return collect != nullptr && collect->guest_facts && !will_pause;
}

DomainIsolation DomainSteps::isolation_for(IncidentWork& work) const {
  DomainIsolation wanted{work.incident().name, false, false};
  const auto* step = work.playbook() == nullptr ? nullptr : work.playbook()->step<ContainStep>();
  if (step != nullptr) {
    wanted.pause = step->pause.value_or(false);
    wanted.forensics = step->forensics;
  }
  const bool is_collected = find_condition(work.status(), condition::kEvidencePreserved) != nullptr;
  wanted.agent_stays = wants_guest(work) && !is_collected && !work.incident().spec.release &&
                       !domains_.evidence.has_asked_guest(work.incident().name);
  wanted.also_rebuilt = is_rebuilt_suspected(work.incident());
  return wanted;
}

/// The machine that is to be contained, without what this incident has rebuilt, unless that is suspected,
/// too. Nothing: there is no such domain.
Result<std::optional<DomainObservation>> DomainSteps::observe_victim(IncidentWork& work) const {
  auto observed = domains_.target.observe(work.target().uid);
  if (observed && *observed && !is_rebuilt_suspected(work.incident()))
    return targets::without_rebuilt(**std::move(observed), work.incident().name);
  return observed;
}

StepResult DomainSteps::contain(IncidentWork& work, const std::function<bool()>& may_send,
                                std::chrono::milliseconds /*timeout*/) const {
  auto observed = observe_victim(work);
  if (!observed) return fail(std::move(observed).error());
  if (has_migrated(domains_, work, *observed)) return migrated(work);
  if (!*observed) return gone(work);
  const DomainObservation& domain = **observed;
  if (is_replaced(domain)) return replaced(work);
  const DomainIsolation wanted = isolation_for(work);
  const bool may_act = work.mode() > Mode::kObserve;
  // Until then it is this incident that changes it.
  const bool is_settled = work.status().times.contained && controller::is_applied(work.incident(), kSealing);
  const bool has_way_out = is_settled && note_changes(work, domain);
  if (is_ours(domain, work.incident())) {
    // By a process before this one, which ended before it could say so.
    if (!work.status().containment) remember(work, action_on(domain, wanted));
    const bool is_marked = targets::assess_isolation(domain, wanted).reason != "NotInQuarantine";
    const bool is_whole = is_marked && targets::are_links_closed(domain, wanted) &&
                          !targets::runs_on(domain, wanted) && !has_way_out && !starts_with_host(domain);
    if (is_whole || !may_act) return seal_and_assess(work, domain, wanted, may_send);
  } else if (!may_act) {
    return record_plan(work, action_on(domain, wanted));
  } else if (!work.status().containment) {
    if (auto asked = controller::ask_before_containment(work, judge(work))) return *asked;
  }
  return work.status().times.contained ? reassert(work, wanted, has_way_out, may_send)
                                       : isolate(work, wanted, may_send);
}

/// Somebody undid it, or added to it, or the rebuilt machine is suspected: it is put in quarantine (again).
StepResult DomainSteps::reassert(IncidentWork& work, const DomainIsolation& wanted, bool has_way_out,
                                 const std::function<bool()>& may_send) const {
  // What was rebuilt has served until now: nobody has worked against its quarantine.
  const bool is_new = wanted.also_rebuilt && is_true(work.status(), condition::kRedeployed);
  const bool is_stronger = wanted.pause && !was_to_pause(work.incident());
  // Nor has who only adds to it: each thing can be added once, and none is left open.
  const bool is_counted = !is_new && !is_stronger && !has_way_out;
  if (is_counted && !controller::may_reassert(work)) return step_waits(work.world().settings.recheck);
  work.note(is_new        ? "A signal has come about the rebuilt machine: it is isolated"
            : is_stronger ? "The playbook has the guest paused as well"
            : has_way_out ? "What was added to the running domain is cut off as well"
                          : "The quarantine was changed by somebody and is put back");
  expect_changes(work);
  // Whoever took one thing away may have taken others.
  if (auto kept = work.journal(sealing_of(work.incident()), JournalEntry::State::kPlanned); !kept)
    return fail(std::move(kept).error());
  if (auto saved = work.save(); !saved) return fail(std::move(saved).error());
  return isolate(work, wanted, may_send);
}

/// The links are down. The second line comes after that is on record: once, and for the guest's agent when it
/// was asked.
StepResult DomainSteps::seal_and_assess(IncidentWork& work, const DomainObservation& domain,
                                        const DomainIsolation& wanted,
                                        const std::function<bool()>& may_send) const {
  const auto sealing = next_sealing(work, wanted);
  if (!sealing || work.mode() <= Mode::kObserve) return assess(work, domain, wanted, may_send);
  if (!may_send()) return step_waits(work.world().settings.recheck);
  if (auto sealed = seal(work, wanted, *sealing); !sealed) return fail(std::move(sealed).error());
  return step_waits(std::chrono::milliseconds(0));
}

StepResult DomainSteps::isolate(IncidentWork& work, const DomainIsolation& wanted,
                                const std::function<bool()>& may_send) const {
  if (!may_send()) return step_waits(work.world().settings.recheck);
  const MonotonicTime started = work.world().clock.monotonic();
  const auto cut = domains_.target.cut_off(work.target().uid, wanted);
  // What the guest sent before is none of the isolation's.
  domains_.silence.forget(work.incident().name);
  auto observed = observe_victim(work);
  if (!observed) return fail(std::move(observed).error());
  if (has_migrated(domains_, work, *observed)) return migrated(work);
  if (!*observed) return gone(work);
  if (is_replaced(**observed)) return replaced(work);
  const Action action = action_on(**observed, wanted);
  work.count(action, cut.has_value(), work.world().clock.monotonic() - started);
  // Whatever failed: what is there is what counts, and it is looked at again.
  if (is_ours(**observed, work.incident())) remember(work, action);
  if (!cut && cut.error().is_refusal()) {
    work.conclude(condition::kContained, {ConditionStatus::kFalse, "ChangeRefused", cut.error().to_string()});
    controller::ask_to_go_on(work, "the domain cannot be isolated: " + cut.error().to_string(),
                             "or 'virsh destroy " + work.target().name + "'");
    return step_done();
  }
  if (!cut) return fail(cut.error());
  return assess(work, **observed, wanted, may_send);
}

/// Links that are down for libvirt, and up for QEMU. That they are to be put down outlives this process: the
/// next one counts anew, and a guest that is quiet just then is not isolated for that.
StepResult DomainSteps::lower_again(IncidentWork& work, const std::vector<std::string>& macs,
                                    const std::function<bool()>& may_send) const {
  const Action action = lowering_of(work.incident());
  if (auto kept = work.journal(action, JournalEntry::State::kPlanned); !kept)
    return fail(std::move(kept).error());
  const bool may_act = work.mode() > Mode::kObserve && may_send();
  if (!may_act || !controller::may_reassert(work)) return step_waits(work.world().settings.recheck);
  expect_changes(work);
  // Whoever raised the links may have changed more.
  if (auto kept = work.journal(sealing_of(work.incident()), JournalEntry::State::kPlanned); !kept)
    return fail(std::move(kept).error());
  if (auto saved = work.save(); !saved) return fail(std::move(saved).error());
  const MonotonicTime started = work.world().clock.monotonic();
  const auto lowered = domains_.target.lower_again(work.target().uid, macs);
  work.count(action, lowered.has_value(), work.world().clock.monotonic() - started);
  if (!lowered) return fail(lowered.error());
  domains_.silence.forget(work.incident().name);
  work.note("The links that were up behind libvirt's back are put down again");
  if (auto kept = work.journal(action, JournalEntry::State::kApplied); !kept)
    return fail(std::move(kept).error());
  return step_waits(std::chrono::milliseconds(0));
}

StepResult DomainSteps::assess(IncidentWork& work, const DomainObservation& domain,
                               const DomainIsolation& wanted, const std::function<bool()>& may_send) const {
  const bool is_sealed = !next_sealing(work, wanted);
  const Finding isolated = targets::assess_isolation(domain, wanted);
  const Silence silence = look_for_silence(domains_, work, domain, wanted, isolated.holds());
  const Finding finding = judge_silence(isolated, silence);
  const bool has_sent_now = finding.reason == kGuestSends;
  if (has_sent_now || (domain.live && is_to_lower(work.incident()))) {
    if (has_sent_now && !is_to_lower(work.incident())) work.conclude(condition::kContained, finding);
    return lower_again(work, cards_to_lower(silence, *domain.live), may_send);
  }
  // A guest that was heard is not taken for silent before it was listened to again.
  if (finding.holds() && is_just_counted(silence) && has_sent(work))
    return step_waits(work.world().settings.recheck);
  work.conclude(condition::kContained, finding);
  if (finding.holds()) {
    if (!work.status().times.contained) work.status().times.contained = work.now();
    work.settle("contain", {controller::kUncontainedQuestion, controller::kRemovedQuestion});
  } else if (is_sealed) {
    controller::ask_to_go_on(work, finding.message + ". Close it by hand",
                             "or pause the guest: 'virsh suspend " + work.target().name + "'");
  }
  if (!is_sealed && work.mode() > Mode::kObserve) return step_waits(std::chrono::milliseconds(0));
  return finding.holds() || is_accepted(work) ? step_done() : step_waits(work.world().settings.recheck);
}

/// The second line. On record that it is about to be done, and what could not be had.
Result<void> DomainSteps::seal(IncidentWork& work, const DomainIsolation& wanted,
                               const Action& action) const {
  if (auto saved = work.save(); !saved) return saved;
  const MonotonicTime started = work.world().clock.monotonic();
  const auto failures = domains_.target.seal(work.target().uid, wanted);
  work.count(action, failures.has_value(), work.world().clock.monotonic() - started);
  if (!failures) return fail(failures.error());
  for (const std::string& failure : *failures) work.note("Not closed: " + failure);
  return work.journal(action, JournalEntry::State::kApplied);
}

}  // namespace kintsugi::host
