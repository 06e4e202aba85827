// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_target.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/escape.h"
#include "targets/libvirt/domain_rebuild.h"

namespace kintsugi::targets {
namespace {

Finding broken(const char* reason, std::string message) {
  return {ConditionStatus::kFalse, reason, std::move(message)};
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
  return text;
}

/// What of a running domain still leads out of it beside the network.
std::vector<std::string> open_passages(const DomainObservation& domain, bool agent_stays) {
  std::vector<std::string> open;
  if (!domain.live || domain.status.state == DomainState::kPaused) return open;
  for (const DomainPassage& passage : domain.live->passages) {
    if (!passage.is_local && !(agent_stays && passage.is_agent()))
      open.push_back(passage.kind + " " + passage.name);
  }
  return open;
}

/// Whether the definition is the breached machine's successor, which is not to be isolated with it.
Result<bool> is_spared(const std::string& definition, const DomainIsolation& wanted) {
  if (wanted.also_rebuilt) return false;
  auto domain = parse_domain(definition);
  if (!domain) return fail(std::move(domain).error());
  return is_rebuilt_by(*std::move(domain), wanted.incident);
}

bool is_behind(const Domain& domain, const std::string& filter) {
  const auto& interfaces = domain.interfaces;
  return std::any_of(interfaces.begin(), interfaces.end(),
                     [&](const DomainInterface& interface) { return interface.filter == filter; });
}

/// Whether there is a network card whose link may be up.
bool is_visited(const Domain& domain, const QuarantinePlace& place) {
  const auto& interfaces = domain.interfaces;
  return std::any_of(interfaces.begin(), interfaces.end(), [&](const DomainInterface& interface) {
    return interface.link != LinkState::kDown && is_visitable(interface, place);
  });
}

/// Why the filter that alone stands before a guest does not; nothing: it does, or is not needed.
std::optional<std::string> filter_problem(const DomainObservation& domain, const QuarantinePlace& place) {
  const bool is_needed = (domain.live && is_visited(*domain.live, place)) ||
                         (domain.persistent && is_visited(*domain.persistent, place));
  if (!is_needed || !mended_filter(domain.filter, place.filter)) return std::nullopt;
  return "the nwfilter " + place.filter.name + " is not as it must be";
}

std::string isolated_message(const DomainObservation& domain, const QuarantinePlace& place) {
  if (!is_visited(*domain.live, place))
    return "the links of its network cards are down, now and for the next start";
  return fmt::format("its network cards are in the quarantine {}, where nobody reaches it but {}",
                     escape(place.network.name, 64), place.visitors);
}

Result<std::optional<Domain>> read(const Result<std::string>& definition) {
  // Ended, or never kept, since its status was read.
  if (!definition && definition.error().code == ErrorCode::kConflict) return std::optional<Domain>();
  if (!definition) return fail(definition.error());
  auto domain = parse_domain(*definition);
  if (!domain) return fail(std::move(domain).error());
  return std::optional<Domain>(*std::move(domain));
}

}  // namespace

QuarantinePlace place_of(const DomainObservation& domain, const DomainIsolation& wanted) {
  return quarantine_place(domain.persistent ? *domain.persistent : *domain.live, wanted.forensics);
}

Finding assess_isolation(const DomainObservation& domain, const DomainIsolation& wanted) {
  const QuarantinePlace place = place_of(domain, wanted);
  for (const auto* side : {&domain.live, &domain.persistent}) {
    if (!*side) continue;
    if ((*side)->incident != wanted.incident)
      return broken("NotInQuarantine", "the domain is not in this incident's quarantine");
    const std::string where = side == &domain.live ? "" : "in what it starts from, ";
    if (const auto open = open_links(**side, place); !open.empty())
      return broken("LinkUp", where + joined(open));
  }
  if (const auto problem = filter_problem(domain, place)) return broken("FilterChanged", *problem);
  if (runs_on(domain, wanted))
    return broken("NotPaused", "the guest's processors run, and are to stand still");
  if (const auto open = open_passages(domain, wanted.agent_stays); !open.empty())
    return broken("PassageOpen", "the guest still has: " + joined(open));
  if (!domain.live)
    return {ConditionStatus::kTrue, "ShutOff", "the domain does not run, and would start in quarantine"};
  std::string message = isolated_message(domain, place);
  if (domain.status.state == DomainState::kPaused) message += "; its processors are paused";
  if (wanted.agent_stays && !open_passages(domain, false).empty())
    message += "; the guest agent's channel stays open until it was asked for evidence";
  return {ConditionStatus::kTrue, "DefinitionEvaluated", std::move(message)};
}

bool are_links_closed(const DomainObservation& domain, const DomainIsolation& wanted) {
  const QuarantinePlace place = place_of(domain, wanted);
  for (const auto* side : {&domain.live, &domain.persistent}) {
    if (!*side) continue;
    for (const DomainInterface& interface : (*side)->interfaces) {
      const bool is_closed = interface.link == LinkState::kDown || is_visitable(interface, place);
      if (interface.has_link() && !is_closed) return false;
    }
  }
  return !filter_problem(domain, place);
}

bool runs_on(const DomainObservation& domain, const DomainIsolation& wanted) {
  return wanted.pause && domain.live && domain.status.state == DomainState::kRunning;
}

Result<std::optional<DomainObservation>> DomainTarget::observe(const std::string& uuid) const {
  const auto status = hypervisor_.status(uuid);
  if (!status && status.error().code == ErrorCode::kNotFound) return std::optional<DomainObservation>();
  if (!status) return fail(status.error());
  DomainObservation observed;
  observed.status = *status;
  if (status->is_active) {
    auto live = read(hypervisor_.live_definition(uuid));
    if (!live) return fail(std::move(live).error());
    observed.live = *std::move(live);
  }
  if (status->is_persistent) {
    const auto definition = hypervisor_.persistent_definition(uuid);
    auto persistent = read(definition);
    if (!persistent) return fail(std::move(persistent).error());
    if (*persistent) observed.parts = parts_of_definition(*definition, (*persistent)->incident);
    observed.persistent = *std::move(persistent);
  }
  if (!observed.live && !observed.persistent) return std::optional<DomainObservation>();
  const std::string own = forensic_filter_name(observed.any().uuid);
  const bool is_filtered = (observed.live && is_behind(*observed.live, own)) ||
                           (observed.persistent && is_behind(*observed.persistent, own));
  if (is_filtered) {
    auto filter = hypervisor_.filter_definition(own);
    if (!filter && filter.error().code != ErrorCode::kNotFound) return fail(std::move(filter).error());
    if (filter) observed.filter = *std::move(filter);
  }
  return std::optional<DomainObservation>(std::move(observed));
}

Result<void> DomainTarget::cut_off(const std::string& uuid, const DomainIsolation& wanted) const {
  const auto status = hypervisor_.status(uuid);
  if (!status) return fail(status.error());
  Result<void> live;
  if (status->is_active) live = cut_off_live(uuid, wanted, status->state == DomainState::kPaused);
  // Also where that failed: a reboot must not lead out.
  Result<void> stored;
  if (status->is_persistent) stored = cut_off_persistent(uuid, wanted, status->autostart);
  return live ? stored : live;
}

Result<void> DomainTarget::cut_off_live(const std::string& uuid, const DomainIsolation& wanted,
                                        bool is_paused) const {
  const auto live = hypervisor_.live_definition(uuid);
  if (!live) return fail(live.error());
  const auto spared = is_spared(*live, wanted);
  if (!spared || *spared) return spared ? Result<void>() : fail(spared.error());
  const auto plan = plan_live_quarantine(*live, wanted.incident, wanted.agent_stays, is_paused, {});
  if (!plan) return fail(plan.error());
  if (auto marked = hypervisor_.set_live_mark(uuid, plan->mark); !marked) return marked;
  // A network card that libvirt refuses to change does not keep the others up, nor the processors running.
  Result<void> done;
  const auto note = [&done](Result<void> one) {
    if (done && !one) done = std::move(one);
  };
  for (const std::string& interface : plan->links_down) note(hypervisor_.update_device(uuid, interface));
  if (wanted.pause) note(hypervisor_.pause(uuid));
  return done;
}

Result<void> DomainTarget::cut_off_persistent(const std::string& uuid, const DomainIsolation& wanted,
                                              bool autostart) const {
  const auto persistent = hypervisor_.persistent_definition(uuid);
  if (!persistent) return fail(persistent.error());
  const auto spared = is_spared(*persistent, wanted);
  if (!spared || *spared) return spared ? Result<void>() : fail(spared.error());
  auto place = place_for(uuid, wanted);
  if (!place) return fail(std::move(place).error());
  if (place->is_open) {
    const auto filtered = ensure_filter(place->filter);
    if (!filtered && filtered.error().retryable) return filtered;
    place->is_open = filtered.has_value();
  }
  const auto linkless = linkless_cards(uuid);
  if (!linkless) return fail(linkless.error());
  const auto changed = quarantined_definition(*persistent, wanted.incident, autostart, *place, *linkless);
  if (!changed) return fail(changed.error());
  if (auto defined = hypervisor_.define(*changed); !defined) return defined;
  return autostart ? hypervisor_.set_autostart(uuid, false) : Result<void>();
}

Result<std::set<std::string>> DomainTarget::linkless_cards(const std::string& uuid) const {
  std::set<std::string> macs;
  const auto live = hypervisor_.live_definition(uuid);
  if (!live && live.error().code == ErrorCode::kConflict) return macs;
  if (!live) return fail(live.error());
  const auto domain = parse_domain(*live);
  if (!domain) return fail(domain.error());
  for (const DomainInterface& interface : domain->interfaces)
    if (!interface.has_link()) macs.insert(interface.mac);
  return macs;
}

Result<QuarantinePlace> DomainTarget::place_for(const std::string& uuid,
                                                const DomainIsolation& wanted) const {
  auto definition = hypervisor_.persistent_definition(uuid);
  if (!definition && definition.error().code == ErrorCode::kConflict)
    definition = hypervisor_.live_definition(uuid);
  if (!definition) return fail(std::move(definition).error());
  const auto domain = parse_domain(*definition);
  if (!domain) return fail(domain.error());
  return quarantine_place(*domain, wanted.forensics);
}

Result<void> DomainTarget::ensure_filter(const QuarantineFilter& wanted) const {
  const auto present = hypervisor_.filter_definition(wanted.name);
  if (!present && present.error().code != ErrorCode::kNotFound) return fail(present.error());
  const auto mended = mended_filter(present ? std::optional(*present) : std::nullopt, wanted);
  return mended ? hypervisor_.define_filter(*mended) : Result<void>();
}

/// A link that is up has the filter before it.
Result<void> DomainTarget::seal_interface(const std::string& uuid, const SealedInterface& interface) const {
  for (const std::string* device : {&interface.filtered, &interface.moved, &interface.opened}) {
    if (device->empty()) continue;
    if (auto updated = hypervisor_.update_device(uuid, *device); !updated) return updated;
  }
  return {};
}

Result<std::vector<std::string>> DomainTarget::seal(const std::string& uuid,
                                                    const DomainIsolation& wanted) const {
  std::vector<std::string> failures;
  const auto live = hypervisor_.live_definition(uuid);
  if (!live && live.error().code == ErrorCode::kConflict) return failures;  // it does not run
  if (!live) return fail(live.error());
  const auto spared = is_spared(*live, wanted);
  if (!spared) return fail(spared.error());
  if (*spared) return failures;
  const auto place = place_for(uuid, wanted);
  if (!place) return fail(place.error());
  const auto plan =
      plan_live_quarantine(*live, wanted.incident, wanted.agent_stays, /*is_paused=*/false, *place);
  if (!plan) return fail(plan.error());
  // What is about to be taken is in the mark first.
  if (auto marked = hypervisor_.set_live_mark(uuid, plan->mark); !marked) return fail(marked.error());
  const auto note = [&](const Result<void>& done) {
    if (!done) failures.push_back(done.error().to_string());
    return done.has_value();
  };
  if (note(ensure_filter(place->filter))) {
    for (const SealedInterface& interface : plan->interfaces) note(seal_interface(uuid, interface));
  }
  for (const std::string& device : plan->closed) note(hypervisor_.detach_device(uuid, device));
  return failures;
}

Result<FrozenDisks> DomainTarget::freeze_disks(const std::string& uuid, const std::string& incident) const {
  const auto before = observe(uuid);
  if (!before) return fail(before.error());
  if (!*before || !(*before)->live || (*before)->status.state != DomainState::kRunning) return FrozenDisks();
  DiskFreezing plan = plan_disk_freezing(*(*before)->live, incident);
  if (!plan.snapshot.empty()) {
    if (auto made = hypervisor_.snapshot_disks(uuid, plan.snapshot); !made)
      return fail(std::move(made).error());
  }
  const auto after = observe(uuid);
  if (!after) return fail(after.error());
  if (!*after || !(*after)->live) return FrozenDisks();
  FrozenDisks frozen{layers_of(*(*after)->live, incident), std::move(plan.others)};
  for (const DiskLayer& layer : plan.layers) {
    if (std::find(frozen.layers.begin(), frozen.layers.end(), layer) == frozen.layers.end())
      frozen.others.push_back(layer.target);
  }
  return frozen;
}

/// Says how far it is; empty: it has ended.
Result<std::string> DomainTarget::advance_commit(const std::string& uuid, const DiskLayer& layer) const {
  const auto job = hypervisor_.disk_job(uuid, layer.target);
  if (!job) return fail(job.error());
  if (!*job) {
    if (auto begun = hypervisor_.commit_disk(uuid, layer.target); !begun)
      return fail(std::move(begun).error());
    return "begins to write " + layer.layer + " into " + layer.below;
  }
  if (!(*job)->is_commit)
    return fail(
        make_error(ErrorCode::kConflict, "something else is done with it").on("disk " + layer.target));
  const JobProgress& progress = (*job)->progress;
  if (!(*job)->is_ready) {
    const std::uint64_t quarters = progress.done_bytes / (progress.total_bytes / 4 + 1);
    return fmt::format("{} % of {} are written into {}", quarters * 25, layer.layer, layer.below);
  }
  if (auto ended = hypervisor_.end_commit(uuid, layer.target); !ended) return fail(std::move(ended).error());
  return std::string();
}

Result<DiskReturn> DomainTarget::give_back_disks(const std::string& uuid, const std::string& incident) const {
  const auto observed = observe(uuid);
  if (!observed) return fail(observed.error());
  if (!*observed) return DiskReturn{true, ""};
  if (!(*observed)->live) {
    if (layers_of((*observed)->any(), incident).empty()) return DiskReturn{true, ""};
    return fail(make_error(ErrorCode::kRefused, "it was shut off while its disks had layers")
                    .on("domain " + (*observed)->any().name)
                    .advise("start it: it starts isolated, and its disks are given back then"));
  }
  const auto layers = layers_of(*(*observed)->live, incident);
  DiskReturn given{layers.empty(), ""};
  for (const DiskLayer& layer : layers) {
    auto progress = advance_commit(uuid, layer);
    if (!progress) return fail(std::move(progress).error());
    if (given.progress.empty()) given.progress = *std::move(progress);
  }
  return given;
}

Result<std::vector<std::string>> DomainTarget::restore(const std::string& uuid,
                                                       const std::string& incident) const {
  const auto observed = observe(uuid);
  if (!observed) return fail(observed.error());
  if (!*observed) return std::vector<std::string>();
  // Of a domain that does not run they would lose what was written since.
  if (!layers_of((*observed)->any(), incident).empty()) {
    return fail(make_error(ErrorCode::kConflict, "its disks are still to be given back")
                    .on("domain " + (*observed)->any().name));
  }
  if ((*observed)->persistent && (*observed)->persistent->incident == incident) {
    const auto persistent = hypervisor_.persistent_definition(uuid);
    if (!persistent) return fail(persistent.error());
    const auto restored = restored_definition(*persistent, incident);
    if (!restored) return fail(restored.error());
    // Before the mark goes with the definition.
    if (auto set = hypervisor_.set_autostart(uuid, restored->autostart); !set)
      return fail(std::move(set).error());
    if (auto defined = hypervisor_.define(restored->xml); !defined) return fail(std::move(defined).error());
  }
  const bool is_live = (*observed)->live && (*observed)->live->incident == incident;
  return is_live ? restore_live(uuid, incident, (*observed)->status.state == DomainState::kPaused)
                 : std::vector<std::string>();
}

Result<std::vector<std::string>> DomainTarget::restore_live(const std::string& uuid,
                                                            const std::string& incident,
                                                            bool is_paused) const {
  const auto live = hypervisor_.live_definition(uuid);
  if (!live) return fail(live.error());
  const auto plan = plan_live_restoration(*live, incident);
  if (!plan) return fail(plan.error());
  std::vector<std::string> refused;
  for (const std::string& device : plan->reattached) {
    auto attached = hypervisor_.attach_device(uuid, device);
    if (attached) continue;
    if (attached.error().retryable) return fail(std::move(attached).error());
    // What cannot be plugged into a machine that runs is there when it starts again.
    refused.push_back(attached.error().message);
  }
  for (const std::string& interface : plan->interfaces) {
    if (auto updated = hypervisor_.update_device(uuid, interface); !updated)
      return fail(std::move(updated).error());
  }
  if (is_paused && !plan->was_paused) {
    if (auto resumed = hypervisor_.resume(uuid); !resumed) return fail(std::move(resumed).error());
  }
  if (auto unmarked = hypervisor_.set_live_mark(uuid, ""); !unmarked)
    return fail(std::move(unmarked).error());
  return refused;
}

}  // namespace kintsugi::targets
