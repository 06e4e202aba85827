// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "controller/collection.h"
#include "controller/target_steps.h"
#include "host/domain_rebuild_record.h"
#include "host/domain_steps.h"
#include "host/machine_files.h"
#include "host/rebuild_jobs.h"
#include "host/rebuild_memory.h"
#include "host/silence_watch.h"
#include "targets/libvirt/domain_rebuild.h"

namespace kintsugi::host {
namespace {

using controller::step_waits;
using Victim = ReleaseOrder::Victim;

/// How soon a job of the host's is looked at again.
constexpr std::chrono::milliseconds kLookAtDisks{200};

/// Whether there is something of this incident in the domain that is no quarantine, and cannot be taken back.
bool is_rebuilt(const targets::DomainObservation& domain, const std::string& incident) {
  return is_rebuilt_by(domain.live, incident) || is_rebuilt_by(domain.persistent, incident);
}

/// Whether it is the rebuilt machine that is in quarantine, in all it has: its release gives nothing of the
/// breached one back.
bool is_isolated_rebuilt(const targets::DomainObservation& domain, const std::string& incident) {
  const bool live = !domain.live || is_rebuilt_by(domain.live, incident);
  return live && is_rebuilt_by(domain.persistent, incident) && domain.persistent->incident == incident;
}

std::string where_the_old_disks_are(const Incident& incident) {
  return "the breached machine's disks are kept: " + describe(left_disks(incident));
}

}  // namespace

StepResult DomainSteps::release(IncidentWork& work) const {
  const auto observed = domains_.target.observe(work.target().uid);
  if (!observed) return fail(observed.error());
  const std::string& incident = work.incident().name;
  const bool rebuilt = *observed && is_rebuilt(**observed, incident);
  if (!rebuilt && !work.status().times.redeployed) {
    // What was prepared for a rebuild that does not come.
    work.world().jobs.cancel(incident);
    if (is_preparing(work)) return step_waits(work.world().settings.recheck);
    if (const auto paths = domains_.files.paths(work.target().uid, incident)) domains_.files.remove(*paths);
  }
  domains_.rebuilds.forget(incident);
  domains_.silence.forget(incident);
  const Victim order = work.incident().spec.release->victim;
  if (order == Victim::kLeave) {
    return controller::finish_release(
        work, rebuilt ? "the domain is left as it is: what it starts from is rebuilt; " +
                            where_the_old_disks_are(work.incident())
                      : "the domain is left in quarantine");
  }
  if (order == Victim::kDelete) {
    work.await("release",
               "a domain is not deleted by Kintsugi, because its disks are evidence: order "
               "'--victim leave' and undefine it yourself, or '--victim restore'");
    return step_waits();
  }
  if (rebuilt && !is_isolated_rebuilt(**observed, incident)) {
    work.await("release",
               "the machine was rebuilt, and the breached one does not come back by itself: order "
               "'--victim leave', which changes nothing; " +
                   where_the_old_disks_are(work.incident()));
    return step_waits();
  }
  return restore(work);
}

/// One bit of it with each visit; what is said of it is said once.
Result<targets::DiskReturn> DomainSteps::give_back_disks(IncidentWork& work) const {
  auto given = domains_.target.give_back_disks(work.target().uid, work.incident().name);
  if (!given) return given;
  if (!given->progress.empty()) work.note_once(given->progress);
  if (!given->done) return given;
  const auto& journal = work.incident().status.journal;
  const auto freezing = std::find_if(journal.begin(), journal.end(),
                                     [](const JournalEntry& entry) { return entry.action.id == kFreezing; });
  if (freezing == journal.end() || freezing->state == JournalEntry::State::kAbandoned) return given;
  if (auto kept = work.journal(Action(freezing->action), JournalEntry::State::kUndone); !kept)
    return fail(std::move(kept).error());
  return given;
}

StepResult DomainSteps::restore(IncidentWork& work) const {
  if (!controller::leader_may_send(work)) return step_waits(work.world().settings.recheck);
  const std::string& name = work.incident().name;
  work.world().jobs.cancel(name);
  // The host does one thing with a domain at a time.
  if (work.world().jobs.is_active(name, controller::kCollectJob)) {
    work.note_once("The release waits until the memory is written");
    return step_waits(kLookAtDisks);
  }
  const auto given = give_back_disks(work);
  if (!given && given.error().code == ErrorCode::kRefused) {
    work.await("release", given.error().to_string());
    return step_waits(work.world().settings.recheck);
  }
  if (!given) return fail(given.error());
  if (!given->done) return step_waits(kLookAtDisks);
  const auto restored = domains_.target.restore(work.target().uid, work.incident().name);
  if (!restored && !restored.error().retryable) {
    work.await("release", "it cannot be given back: " + restored.error().to_string());
    return step_waits(work.world().settings.retry);
  }
  if (!restored) return fail(restored.error());
  for (const std::string& refusal : *restored)
    work.note("Not plugged in again before it is started anew: " + refusal);
  const auto observed = domains_.target.observe(work.target().uid);
  if (!observed) return fail(observed.error());
  if (has_migrated(domains_, work, *observed)) {
    return controller::finish_release(
        work, "the domain runs on another host, as it left: give it its links and devices back there");
  }
  if (!*observed) return controller::finish_release(work, "the domain is gone");
  if ((*observed)->any().incident == work.incident().name) return step_waits(work.world().settings.recheck);
  return controller::finish_release(work, "the domain has its links and devices again");
}

}  // namespace kintsugi::host
