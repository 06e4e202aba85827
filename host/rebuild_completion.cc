// SPDX-License-Identifier: Apache-2.0
#include "host/rebuild_completion.h"

#include <fmt/format.h>

#include "base/escape.h"
#include "controller/probation.h"
#include "host/domain_rebuild_record.h"
#include "host/rebuild_jobs.h"
#include "targets/libvirt/domain_rebuild.h"

namespace kintsugi::host {
namespace {

using controller::step_done;
using controller::step_waits;
using controller::StepOutcome;
using targets::DomainObservation;
using targets::DomainState;
using targets::PauseCause;
using targets::RebuildMark;

/// One reconcile after the switch.
class Completion {
 public:
  Completion(const DomainWorld& domains, IncidentWork& work, const DomainObservation& domain)
      : domains_(domains), work_(work), domain_(domain) {}

  StepResult run();

 private:
  StepResult await_run();
  StepResult end_and_start(const RebuildMark& mark);
  Result<void> end_breached();
  std::optional<StepOutcome> ask_to_start_again();
  StepResult start(const RebuildMark& mark);
  Result<void> keep_starts(const StartRecord& record, JournalEntry::State state);
  StepResult finish(const RebuildMark& mark);

  std::string shown_name() const { return escape(work_.target().name, 64); }

  const DomainWorld& domains_;
  IncidentWork& work_;
  const DomainObservation& domain_;
};

/// The image of a mark, which the journal has.
GoldenImage image_of(const RebuildMark& mark, const IncidentStatus& status) {
  GoldenImage image;
  if (!status.images.empty()) image.trusted = status.images.front();
  image.path = mark.golden;
  image.format = mark.golden_format;
  return image;
}

StepResult Completion::run() {
  const RebuildMark& mark = *domain_.persistent->rebuilt;
  const auto& images = work_.status().images;
  if (!is_journaled(work_.incident(), mark) || images.empty() || images.front().digest != mark.digest) {
    return rebuild_waits(
        work_, "RebuildChanged",
        "what the domain would start from is not what this incident has rebuilt: it is not started",
        /*needs_person=*/true);
  }
  if (is_rebuilt_by(domain_.live, work_.incident().name))
    return domain_.status.state == DomainState::kRunning ? finish(mark) : await_run();
  const MachinePaths paths{mark.overlay, mark.seed, ""};
  const auto prepared = prepare_machine(domains_, work_, image_of(mark, work_.status()), paths,
                                        machine_identity(work_, domain_.persistent->terms), /*anew=*/false);
  if (!prepared) return step_waits(work_.world().settings.recheck);
  if (!*prepared) return rebuild_failed(work_, "PreparationFailed", prepared->error());
  if (!controller::leader_may_send(work_)) return step_waits(work_.world().settings.recheck);
  return end_and_start(mark);
}

/// The rebuilt machine has a process that does not run. libvirt shows one that it is still setting up, and
/// ends it where the daemon is killed meanwhile; what somebody has stopped is nobody else's to let run.
StepResult Completion::await_run() {
  const targets::DomainStatus& status = domain_.status;
  const bool has_crashed = status.state == DomainState::kCrashed;
  const bool is_paused = status.state == DomainState::kPaused && status.pause != PauseCause::kStartingUp;
  const bool is_stopped =
      has_crashed || status.pause == PauseCause::kSomebody || status.pause == PauseCause::kDiskError;
  const Finding finding{ConditionStatus::kFalse,
                        has_crashed ? "Crashed"
                        : is_paused ? "Paused"
                                    : "Starting",
                        "the rebuilt machine does not run yet: " + why_not_running(status)};
  const bool is_late = controller::past_deadline(work_, finding).has_value();
  return rebuild_waits(work_, finding.reason, finding.message, is_stopped || is_late);
}

StepResult Completion::end_and_start(const RebuildMark& mark) {
  if (domain_.live) {
    if (const auto ended = end_breached(); !ended) {
      if (ended.error().retryable) return fail(ended.error());
      return rebuild_failed(work_, "EndRefused", ended.error());
    }
  }
  if (auto waits = ask_to_start_again()) return *waits;
  return start(mark);
}

Result<void> Completion::end_breached() {
  const auto ended = domains_.hypervisor.destroy(work_.target().uid);
  if (ended) work_.note("The breached machine's process was ended");
  // kConflict: it has ended by itself.
  if (!ended && ended.error().code != ErrorCode::kConflict) return ended;
  return {};
}

/// A machine that ends by itself again and again would do so for ever. Nothing: it may be started.
std::optional<StepOutcome> Completion::ask_to_start_again() {
  const unsigned starts = starts_of(work_.incident()).starts;
  if (starts < kMaxStarts) return std::nullopt;
  const std::string why = fmt::format(
      "the rebuilt machine was started {} times, and has ended each time before it was seen to run: look why "
      "('virsh console {}' while it starts, its log on this host), then approve to start it again, or start "
      "it yourself",
      starts, shown_name());
  const Approval* decision = work_.ask("redeploy", kStartQuestion, why);
  if (decision == nullptr) return rebuild_waits(work_, "KeepsEnding", why, /*needs_person=*/false);
  work_.settle("redeploy", {});
  if (!decision->approved) {
    return rebuild_waits(work_, "Denied", decision->by + " denied to start the rebuilt machine again",
                         /*needs_person=*/false);
  }
  // Whoever has agreed to that is asked anew should it not have helped.
  forget_question(work_.status(), kStartQuestion);
  if (auto kept = keep_starts({}, JournalEntry::State::kPlanned); !kept)
    return rebuild_failed(work_, "JournalFull", kept.error());
  return std::nullopt;
}

Result<void> Completion::keep_starts(const StartRecord& record, JournalEntry::State state) {
  return work_.journal(start_action(work_.target(), record), state);
}

/// Counted before it is done, so that no crash of this process makes it a loop.
StepResult Completion::start(const RebuildMark& mark) {
  const unsigned before = starts_of(work_.incident()).starts;
  const auto image = prepared_image(domains_, work_);
  if (auto kept = keep_starts({before + 1, image}, JournalEntry::State::kPlanned); !kept)
    return fail(kept.error());
  if (before > 0) {
    work_.conclude(condition::kRedeployed,
                   {ConditionStatus::kFalse, "StartedAgain",
                    fmt::format("the rebuilt machine has ended before it was seen to run, and is started "
                                "again: {} of {} times",
                                before + 1, kMaxStarts)});
  }
  if (auto saved = work_.save(); !saved) return fail(std::move(saved).error());
  if (!controller::leader_may_send(work_)) return step_waits(work_.world().settings.recheck);
  const MonotonicTime begun = work_.world().clock.monotonic();
  const auto started = domains_.hypervisor.start(work_.target().uid);
  work_.count(rebuild_action(work_.target(), mark), started.has_value(),
              work_.world().clock.monotonic() - begun);
  const bool was_none = !started && !started.error().outcome_unknown;
  if (auto kept = was_none ? keep_starts({before, image}, JournalEntry::State::kPlanned)
                           : keep_starts({before + 1, image}, JournalEntry::State::kApplied);
      !kept)
    return fail(kept.error());
  if (!started) {
    // kConflict: it runs, and it is looked at what.
    if (started.error().retryable) return fail(started.error());
    return rebuild_failed(work_, "StartFailed", started.error());
  }
  return step_waits(std::chrono::milliseconds(0));
}

StepResult Completion::finish(const RebuildMark& mark) {
  if (auto set = domains_.hypervisor.set_autostart(work_.target().uid, mark.autostart); !set)
    return fail(set.error());
  const Action action = rebuild_action(work_.target(), mark);
  if (auto kept = work_.journal(action, JournalEntry::State::kApplied); !kept) return fail(kept.error());
  if (auto kept = keep_starts(starts_of(work_.incident()), JournalEntry::State::kApplied); !kept)
    return fail(kept.error());
  work_.status().times.redeployed = work_.now();
  work_.settle("redeploy", {kRebuildQuestion, kEvidenceQuestion, kKeptDisks, kStartQuestion});
  work_.note("Done: " + action.description + "; kept as they were: " + describe(mark.disks));
  work_.conclude(condition::kRedeployed, {ConditionStatus::kTrue, "Rebuilt", "done: " + action.description});
  return step_done();
}

}  // namespace

StepOutcome rebuild_waits(IncidentWork& work, std::string reason, std::string message, bool needs_person) {
  if (needs_person) work.await("redeploy", message);
  work.conclude(condition::kRedeployed, {ConditionStatus::kFalse, std::move(reason), std::move(message)});
  return step_waits(work.world().settings.recheck);
}

StepOutcome rebuild_failed(IncidentWork& work, const char* reason, const Error& error) {
  return rebuild_waits(work, error.reason.empty() ? reason : error.reason, error.to_string(),
                       !error.retryable);
}

MachineIdentity machine_identity(IncidentWork& work, const targets::DomainTerms& terms) {
  return {work.incident().name, work.target().name, terms.image.value_or(targets::GoldenTerms())};
}

StepResult complete_rebuild(const DomainWorld& domains, IncidentWork& work, const DomainObservation& domain) {
  return Completion(domains, work, domain).run();
}

}  // namespace kintsugi::host
