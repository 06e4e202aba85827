// SPDX-License-Identifier: Apache-2.0
#include "controller/intake.h"

#include <algorithm>
#include <utility>

#include "base/escape.h"
#include "base/time.h"
#include "playbooks/guards.h"
#include "playbooks/matcher.h"

namespace kintsugi::controller {
namespace {

using targets::Pod;

constexpr std::chrono::milliseconds kCreateTimeout{2000};
constexpr std::size_t kMaxSummaryBytes = 1024 - 4;  // what is cut ends in an ellipsis
/// Enough for any storm: each round means that another generation was opened and closed in between.
constexpr int kMaxGenerationTries = 8;

IntakeResult result(Disposition disposition, std::string message, std::string incident = "") {
  return {disposition, std::move(incident), std::move(message)};
}

bool is_protected(const targets::NamespaceInfo& name_space) {
  const auto label = name_space.labels.find(targets::kProtectedLabel);
  return label != name_space.labels.end() && label->second == "true";
}

std::optional<std::string_view> mode_label(const targets::NamespaceInfo& name_space) {
  const auto label = name_space.labels.find(targets::kModeLabel);
  return label == name_space.labels.end() ? std::nullopt : std::optional<std::string_view>(label->second);
}

std::string_view bare_id(std::string_view id) {
  const std::size_t scheme = id.find("://");
  return scheme == std::string_view::npos ? id : id.substr(scheme + 3);
}

const targets::Container* container_of(const Pod& pod, const std::string& id_prefix) {
  for (const targets::Container& container : pod.containers) {
    if (bare_id(container.container_id).starts_with(id_prefix) ||
        bare_id(container.last_container_id).starts_with(id_prefix)) {
      return &container;
    }
  }
  return nullptr;
}

std::string pair_key(const Signal& signal) {
  return signal.source + "\n" + signal.rule;
}

bool knows_pair(const Incident& incident, const Signal& signal) {
  const auto& tallies = incident.status.signals;
  const bool in_status = std::any_of(tallies.begin(), tallies.end(), [&](const SignalTally& tally) {
    return tally.source == signal.source && tally.rule == signal.rule;
  });
  // Before the first status write the origin is all there is.
  return in_status ||
         (incident.spec.origin.source == signal.source && incident.spec.origin.rule == signal.rule);
}

unsigned generation_of(const Incident& incident) {
  const std::size_t dash = incident.name.rfind('-');
  const int value = dash == std::string::npos ? 0 : std::atoi(incident.name.c_str() + dash + 1);
  return value > 0 ? unsigned(value) : 0;
}

}  // namespace

std::string_view to_string(Disposition disposition) {
  static constexpr std::string_view kWords[kDispositionCount] = {
      "opened", "joined",       "duplicate",  "observed", "no-playbook", "no-target", "unprotected",
      "gone",   "uid-mismatch", "not-unique", "late",     "off",         "refused"};
  return kWords[std::size_t(disposition)];
}

Intake::Intake(incidents::IncidentStore& store, const targets::ClusterCache& cache,
               const targets::PodTarget& target, const PlaybookBook& playbooks, const Settings& settings,
               const Clock& clock, Logger& log, Won won)
    : store_(store),
      cache_(cache),
      target_(target),
      playbooks_(playbooks),
      settings_(settings),
      clock_(clock),
      log_(log),
      won_(std::move(won)) {}

Result<IntakeResult> Intake::take(const Signal& signal) {
  if (auto refused = refuse_early(signal)) return *refused;
  const PlaybookBook::Playbooks book = playbooks_.playbooks();
  const auto matching = playbooks::matching_playbooks(signal, *book);
  if (matching.empty()) return result(Disposition::kNoPlaybook, "no playbook has an entry for this signal");

  std::optional<IntakeResult> instead;
  auto victim = resolve(signal, instead);
  if (instead) return *instead;
  if (!victim) return tl::unexpected(std::move(victim).error());
  const Pod& pod = *victim->pod;

  const auto name_space = cache_.name_space(pod.meta.name_space);
  if (name_space == nullptr || !is_protected(*name_space)) {
    return result(Disposition::kUnprotected, "the namespace does not carry kintsugi.dev/protected: \"true\"");
  }
  const auto protection = playbooks::check_protection(
      {pod.ref(), settings_.name_space, pod.meta.labels, pod.priority_class, pod.is_static});
  if (protection.kind == playbooks::GuardVerdict::Kind::kRefused) {
    return result(Disposition::kRefused, protection.reason);
  }
  // A victim in quarantine has lost its labels; what a playbook selects by is what it wore before.
  const auto undo = pod.quarantined() ? targets::find_undo(pod, std::nullopt) : std::nullopt;
  const Labels& labels = undo ? undo->labels : pod.meta.labels;
  std::vector<const Playbook*> candidates;
  std::copy_if(matching.begin(), matching.end(), std::back_inserter(candidates),
               [&](const Playbook* playbook) {
                 return playbooks::selects_target(*playbook, name_space->labels, labels);
               });
  const auto choice = playbooks::choose_playbook(candidates, playbooks::mode_cap(mode_label(*name_space)),
                                                 playbooks_.cluster_cap());
  if (!choice) return result(Disposition::kNoPlaybook, "no matching playbook selects this pod");
  if (choice->mode == Mode::kOff) return result(Disposition::kOff, "the mode of the namespace is off");
  return open_or_join(signal, {std::move(*victim), choice->playbook, choice->mode});
}

std::optional<IntakeResult> Intake::refuse_early(const Signal& signal) const {
  if (playbooks_.cluster_cap() == Mode::kOff) return result(Disposition::kOff, "Kintsugi is switched off");
  if (signal.on_host) return result(Disposition::kNoTarget, "an event of the node, not of a container");
  if (signal.pod_name.empty() && signal.container_id.empty()) {
    return result(Disposition::kNoTarget, "the signal names neither a pod nor a container");
  }
  if (signal.name_space.empty()) return std::nullopt;
  const auto refused = playbooks::check_protection(
      {{"Pod", signal.name_space, signal.pod_name, signal.pod_uid}, settings_.name_space, {}, "", false});
  if (refused.kind == playbooks::GuardVerdict::Kind::kRefused)
    return result(Disposition::kRefused, refused.reason);
  return std::nullopt;
}

Result<Intake::Victim> Intake::resolve(const Signal& signal, std::optional<IntakeResult>& instead) const {
  if (signal.pod_name.empty()) return resolve_by_container(signal, instead);
  if (signal.name_space.empty()) {
    instead = result(Disposition::kNotUnique, "the signal names a pod without its namespace");
    return Victim{};
  }
  const auto name_space = cache_.name_space(signal.name_space);
  if (name_space == nullptr || !is_protected(*name_space)) {
    instead =
        result(Disposition::kUnprotected, "the namespace does not carry kintsugi.dev/protected: \"true\"");
    return Victim{};
  }
  Victim victim;
  victim.pod = cache_.pod(signal.name_space, signal.pod_name);
  if (victim.pod == nullptr) {
    // Perhaps it is newer than the cache: asking costs one read, and only for pods that we do not know.
    auto live = target_.find(signal.name_space, signal.pod_name);
    if (!live) return tl::unexpected(std::move(live).error());
    if (!*live) {
      instead = result(Disposition::kGone, "no such pod");
      return Victim{};
    }
    victim.pod = std::make_shared<const Pod>(std::move(**live));
  }
  instead = judge_identity(signal, victim);
  return victim;
}

Result<Intake::Victim> Intake::resolve_by_container(const Signal& signal,
                                                    std::optional<IntakeResult>& instead) const {
  const auto pods = cache_.pods_by_container(signal.container_id);
  if (pods.size() == 1) return Victim{pods.front(), "", ""};
  instead = pods.empty()
                ? result(Disposition::kGone, "no pod has a container of this id")
                : result(Disposition::kNotUnique, "several pods have a container whose id starts so");
  return Victim{};
}

std::optional<IntakeResult> Intake::judge_identity(const Signal& signal, Victim& victim) const {
  const Pod& pod = *victim.pod;
  if (!signal.pod_uid.empty() && signal.pod_uid != pod.meta.uid) {
    return result(Disposition::kUidMismatch, "the pod of this name has another UID");
  }
  if (signal.container_id.empty()) return std::nullopt;
  if (const targets::Container* container = container_of(pod, signal.container_id)) {
    victim.container = container->name;
    return std::nullopt;
  }
  // The container is none of this pod's. If a pod that went had it, or this one did not exist yet, the signal
  // is about a namesake.
  const bool was_namesake =
      cache_.departed_pod(signal.name_space, signal.pod_name, signal.container_id).has_value();
  const bool too_young = signal.pod_uid.empty() && !signal.time_was_clamped && pod.meta.created > signal.time;
  if (was_namesake || too_young)
    return result(Disposition::kGone, "the pod that the signal is about is gone");
  victim.note =
      "The signal's container id " + escape(signal.container_id, 64) + " is none of the pod's; not used";
  return std::nullopt;
}

Result<IntakeResult> Intake::open_or_join(const Signal& signal, const Opening& opening) {
  const auto known = store_.of_target(opening.victim.pod->meta.uid);
  unsigned generation = known.empty() ? 1 : std::max(1u, generation_of(*known.back()));
  if (!known.empty() && !known.back()->is_over() && !known.back()->being_deleted) {
    if (count_repeat(signal, *known.back())) {
      return result(Disposition::kDuplicate, "counted", known.back()->name);
    }
    return join(signal, opening, known.back()->name);
  }
  for (int attempt = 0; attempt < kMaxGenerationTries; ++attempt) {
    const Incident wanted = new_incident(signal, opening, generation);
    const MonotonicTime started = clock_.monotonic();
    auto created = store_.create(wanted, kCreateTimeout);
    if (created) {
      if (opening.mode > Mode::kObserve) won_(created->name, started);
      const bool observed = opening.mode == Mode::kObserve;
      log_.info("Opened an incident", {{"incident", created->name},
                                       {"target", wanted.spec.target.to_string()},
                                       {"rule", signal.rule},
                                       {"playbook", wanted.spec.playbook},
                                       {"mode", to_string(opening.mode)}});
      return result(observed ? Disposition::kObserved : Disposition::kOpened,
                    wanted.spec.target.to_string() + ", playbook " + wanted.spec.playbook, created->name);
    }
    const bool exists = created.error().code == ErrorCode::kAlreadyExists;
    if (!exists && !created.error().outcome_unknown) return tl::unexpected(std::move(created).error());
    auto present = store_.get(wanted.name);
    if (!present) {
      if (present.error().code == ErrorCode::kNotFound && exists) continue;
      return tl::unexpected(std::move(present).error());
    }
    if (present->being_deleted) {
      ++generation;
      continue;
    }
    if (!present->is_over()) return join(signal, opening, wanted.name);
    const auto closed = present->status.times.closed;
    if (closed && signal.time <= *closed) {
      return result(Disposition::kLate, "older than the closing of " + wanted.name, wanted.name);
    }
    ++generation;
  }
  return fail(ErrorCode::kUnavailable, "the incidents of this target change too fast; send again");
}

Result<IntakeResult> Intake::join(const Signal& signal, const Opening& opening, const std::string& name) {
  for (int attempt = 0; attempt < kMaxGenerationTries; ++attempt) {
    auto incident = store_.get(name);
    if (!incident) return tl::unexpected(std::move(incident).error());
    if (incident->is_over()) return open_or_join(signal, opening);
    if (knows_pair(*incident, signal) && incident->spec.playbook == opening.playbook->name) {
      count_repeat(signal, *incident);
      return result(Disposition::kDuplicate, "counted", name);
    }
    const WallTime now = clock_.now();
    const bool is_new =
        tally_signal(incident->status, signal.source, signal.rule, signal.severity, signal.time);
    const Mode mode = incident->status.playbook.empty() ? incident->spec.mode : incident->status.mode;
    if (opening.mode > mode) {
      add_timeline(incident->status, now, "controller",
                   "Playbook " + opening.playbook->name + " took over in mode " +
                       std::string(to_string(opening.mode)));
      incident->status.playbook = opening.playbook->name;
      incident->status.playbook_hash = opening.playbook->hash;
      incident->status.mode = opening.mode;
    } else if (!is_new) {
      return result(Disposition::kDuplicate, "counted", name);
    }
    add_timeline(incident->status, now, "controller",
                 "Joined by signal " + signal.source + ": " + signal.rule);
    auto written = store_.update_status(*incident);
    if (written) return result(Disposition::kJoined, "joined the open incident of this target", name);
    if (written.error().code != ErrorCode::kConflict) return tl::unexpected(std::move(written).error());
  }
  return fail(ErrorCode::kUnavailable, "the incident changes too fast; send again");
}

Incident Intake::new_incident(const Signal& signal, const Opening& opening, unsigned generation) const {
  const Pod& pod = *opening.victim.pod;
  Incident incident;
  incident.spec.target = pod.ref();
  incident.name = incident_name(incident.spec.target, generation);
  incident.name_space = settings_.name_space;
  incident.spec.owner = target_.owners_of(pod.meta.name_space, pod.meta.controller).top();
  Origin& origin = incident.spec.origin;
  origin.source = signal.source;
  origin.rule = escape(signal.rule, 256);
  origin.severity = signal.severity;
  origin.summary = escape(signal.summary, kMaxSummaryBytes);
  origin.detected = signal.time;
  origin.received = signal.received;
  origin.compromise_start = signal.compromise_start;
  origin.container = opening.victim.container;
  origin.time_was_clamped = signal.time_was_clamped;
  incident.spec.playbook = opening.playbook->name;
  incident.spec.playbook_hash = opening.playbook->hash;
  incident.spec.mode = opening.mode;
  return incident;
}

bool Intake::count_repeat(const Signal& signal, const Incident& incident) {
  if (!knows_pair(incident, signal)) return false;
  std::lock_guard lock(mutex_);
  Repeat& repeat = repeats_[incident.name][pair_key(signal)];
  repeat.signal = signal;
  ++repeat.count;
  return true;
}

void Intake::flush_repeats() {
  std::map<std::string, std::map<std::string, Repeat>> counted;
  {
    std::lock_guard lock(mutex_);
    counted.swap(repeats_);
  }
  for (const auto& [name, pairs] : counted) {
    auto incident = store_.get(name);
    // Not yet described by the leader: the first status write must be its.
    if (!incident || incident->is_over() || !incident->status.has_begun()) continue;
    for (const auto& [key, repeat] : pairs) {
      tally_signal(incident->status, repeat.signal.source, repeat.signal.rule, repeat.signal.severity,
                   repeat.signal.time);
      for (SignalTally& tally : incident->status.signals) {
        if (tally.source == repeat.signal.source && tally.rule == repeat.signal.rule)
          tally.count += repeat.count - 1;
      }
    }
    if (auto written = store_.update_status(*incident); !written) {
      log_.debug("Did not count repeats", {{"incident", name}, {"error", written.error().to_string()}});
    }
  }
}

}  // namespace kintsugi::controller
