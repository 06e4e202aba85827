// SPDX-License-Identifier: Apache-2.0
#include "controller/expiry.h"

#include <algorithm>

#include "base/time.h"
#include "controller/target_steps.h"
#include "incidents/retention.h"

namespace kintsugi::controller {
namespace {

using incidents::RetentionFacts;
using Pointer = incidents::IncidentStore::Pointer;

/// Bounds what one round asks of the API server, so that a backlog does not crowd out a breach.
constexpr int kMostAtOnce = 20;
/// Longer than a request takes.
constexpr std::chrono::seconds kMargin{6};

RetentionFacts known_facts(const World& world, const std::vector<Pointer>& incidents) {
  RetentionFacts facts;
  for (const Pointer& incident : incidents) {
    const TargetRef& target = incident->spec.target;
    if (!incident->is_over() || !world.steps.is_known(target)) continue;
    facts.present_targets.insert(target.uid);
    const auto playbook = world.book.find(incident->status.playbook);
    if (awaits_disposal(*incident, playbook.get())) facts.busy.insert(incident->name);
  }
  return facts;
}

/// What cannot be read of one target cannot be had of its like: none of them is asked about in this round.
void keep_all_of_kind(const std::vector<Pointer>& incidents, const std::string& kind, RetentionFacts& facts) {
  for (const Pointer& incident : incidents) {
    const TargetRef& target = incident->spec.target;
    if (target.kind == kind) facts.present_targets.insert(target.uid);
  }
}

void report(World& world, const Incident& incident, const Result<void>& removed) {
  if (removed) {
    const auto closed = incident.status.times.closed.value_or(incident.created);
    return world.log.info("Deleted an incident that is kept no longer",
                          {{"incident", incident.name}, {"closed", format_seconds(closed)}});
  }
  // Changed since it was seen: looked at again next time.
  if (removed.error().code == ErrorCode::kConflict) return;
  world.log.warning("An incident that is kept no longer was not deleted",
                    {{"incident", incident.name}, {"error", removed.error().to_string()}});
}

}  // namespace

void expire_incidents(World& world, std::stop_token stop) {
  const incidents::Retention retention{world.settings.incident_retention,
                                       world.settings.max_closed_incidents};
  std::vector<Pointer> incidents = world.store.list();
  RetentionFacts facts = known_facts(world, incidents);
  for (int i = 0; i < kMostAtOnce && !stop.stop_requested(); ++i) {
    const auto plan = plan_retention(incidents, facts, retention, world.clock.now());
    if (plan.empty()) return;
    const Incident& oldest = *plan.front();
    if (!facts.present_targets.contains(oldest.spec.target.uid)) {
      // The cache has protected namespaces only, and may lag.
      const auto exists = world.steps.exists(oldest.spec.target, stop);
      if (!exists) {
        world.log.debug("An incident is kept longer, because its target cannot be read",
                        {{"incident", oldest.name}, {"error", exists.error().to_string()}});
        keep_all_of_kind(incidents, oldest.spec.target.kind, facts);
        continue;
      }
      if (*exists) {
        facts.present_targets.insert(oldest.spec.target.uid);
        continue;
      }
    }
    if (!world.leadership.outlasts(kMargin)) return;
    const auto removed = world.store.remove(oldest);
    report(world, oldest, removed);
    if (!removed) return;
    std::erase(incidents, plan.front());
  }
}

}  // namespace kintsugi::controller
