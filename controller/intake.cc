// SPDX-License-Identifier: Apache-2.0
#include "controller/intake.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/escape.h"
#include "base/random_uuid.h"
#include "playbooks/matcher.h"

namespace kintsugi::controller {
namespace {

constexpr std::chrono::milliseconds kCreateTimeout{2000};
constexpr std::size_t kMaxSummaryBytes = 1024 - 4;  // what is cut ends in an ellipsis
/// Enough for any storm: each round means that another generation was opened and closed in between.
constexpr int kMaxGenerationTries = 8;
constexpr std::size_t kMaxRuleBytes = 256;
constexpr std::chrono::days kOldestBacklog{30};

IntakeResult result(Disposition disposition, std::string message, std::string incident = "") {
  return {disposition, std::move(incident), std::move(message)};
}

/// As it is kept and compared.
std::string rule_of(const Signal& signal) {
  return escape(signal.rule, kMaxRuleBytes);
}

std::string pair_key(const Signal& signal) {
  return signal.source + "\n" + rule_of(signal);
}

bool tally(Incident& incident, const Signal& signal, std::uint64_t count = 1) {
  return tally_signal(incident.status, signal.source, rule_of(signal), signal.severity, signal.time, count);
}

/// Whether the signal says nothing new: neither by itself nor by a stronger mode of its playbook.
bool is_repeat(const Incident& incident, const Signal& signal, Mode mode) {
  return mode <= mode_of(incident) &&
         is_only_counted(incident, signal.source, rule_of(signal), signal.severity);
}

/// Whether it tells of something before an incident's end. A time that is merely old is believed here, or a
/// sensor's backlog would open incidents that are over again; one from a clock that was never set is not.
bool is_late(const Signal& signal, WallTime closed) {
  const bool is_believed = signal.claimed && *signal.claimed > signal.received - kOldestBacklog;
  return std::min(is_believed ? *signal.claimed : signal.time, signal.time) <= closed;
}

/// 0: a name that somebody else has chosen.
unsigned generation_of(const Incident& incident) {
  const std::size_t dash = incident.name.rfind('-');
  if (dash == std::string::npos) return 0;
  unsigned value = 0;
  std::from_chars(incident.name.data() + dash + 1, incident.name.data() + incident.name.size(), value);
  return value > 0 && incident_name(incident.spec.target, value) == incident.name ? value : 0;
}

}  // namespace

Intake::Intake(incidents::IncidentStore& store, const TargetResolver& resolver, const PlaybookBook& playbooks,
               const Settings& settings, const Clock& clock, Logger& log, Won won)
    : store_(store),
      resolver_(resolver),
      playbooks_(playbooks),
      settings_(settings),
      clock_(clock),
      log_(log),
      won_(std::move(won)) {}

Result<IntakeResult> Intake::take(const Signal& signal) {
  if (playbooks_.cluster_cap() == Mode::kOff) return result(Disposition::kOff, "Kintsugi is switched off");
  if (auto refused = resolver_.refuse_early(signal)) return *refused;
  const PlaybookBook::Playbooks book = playbooks_.playbooks();
  const auto matching = playbooks::matching_playbooks(signal, *book);
  if (matching.empty()) return result(Disposition::kNoPlaybook, "no playbook has an entry for this signal");

  auto resolved = resolver_.resolve(signal);
  if (!resolved) return tl::unexpected(std::move(resolved).error());
  if (const auto* instead = std::get_if<IntakeResult>(&*resolved)) return *instead;
  auto& victim = std::get<Victim>(*resolved);
  std::vector<const Playbook*> candidates;
  std::copy_if(matching.begin(), matching.end(), std::back_inserter(candidates),
               [&](const Playbook* playbook) {
                 return playbooks::selects_target(*playbook, victim.namespace_labels, victim.labels);
               });
  const auto choice = playbooks::choose_playbook(candidates, victim.mode_cap, playbooks_.cluster_cap());
  if (!choice) return result(Disposition::kNoPlaybook, "no matching playbook selects this target");
  if (choice->mode == Mode::kOff) return result(Disposition::kOff, "the mode of the namespace is off");
  return open_or_join(signal, {std::move(victim), choice->playbook, choice->mode});
}

Result<IntakeResult> Intake::open_or_join(const Signal& signal, const Opening& opening) {
  const auto known = store_.of_target(opening.victim.target.uid);
  unsigned generation = 1;
  const Incident* open_one = nullptr;
  for (const auto& incident : known) {
    generation = std::max(generation, generation_of(*incident));
    if (!incident->is_over() && !incident->being_deleted) open_one = incident.get();
  }
  if (open_one != nullptr) {
    if (count_repeat(signal, opening.mode, *open_one))
      return result(Disposition::kDuplicate, "counted", open_one->name);
    auto joined = join(signal, opening, open_one->name);
    if (!joined) return tl::unexpected(std::move(joined).error());
    if (*joined) return **joined;  // else it has ended, and what we know of it is old
  }
  return open(signal, opening, generation);
}

/// Opens the first generation from `generation` on that is not over, or joins it. A create whose answer got
/// lost is known by its opener: were it taken for another process's, nobody would contain before the leader.
Result<IntakeResult> Intake::open(const Signal& signal, const Opening& opening, unsigned generation) {
  auto opener = random_uuid();
  if (!opener) return tl::unexpected(std::move(opener).error());
  const MonotonicTime started = clock_.monotonic();
  for (int attempt = 0; attempt < kMaxGenerationTries; ++attempt) {
    Incident wanted = new_incident(signal, opening, generation);
    const std::string name = wanted.name;
    wanted.opener = *opener;
    auto created = store_.create(wanted, kCreateTimeout);
    if (created) return opened(signal, opening, *created, started);
    if (created.error().code != ErrorCode::kAlreadyExists && !created.error().outcome_unknown)
      return tl::unexpected(std::move(created).error());
    auto present = store_.get(name);
    if (!present && present.error().code == ErrorCode::kNotFound) continue;
    if (!present) return tl::unexpected(std::move(present).error());
    if (present->opener == *opener) return opened(signal, opening, *present, started);
    if (!present->is_over() && !present->being_deleted) {
      auto joined = join(signal, opening, name);
      if (!joined) return tl::unexpected(std::move(joined).error());
      if (*joined) return **joined;
      continue;
    }
    const auto closed = present->status.times.closed;
    if (!present->being_deleted && closed && is_late(signal, *closed))
      return result(Disposition::kLate, "older than the closing of " + name, name);
    ++generation;
  }
  return fail(ErrorCode::kUnavailable, "the incidents of this target change too fast; send again");
}

/// This process has made `incident`, since `started`.
IntakeResult Intake::opened(const Signal& signal, const Opening& opening, const Incident& incident,
                            MonotonicTime started) {
  if (opening.mode > Mode::kObserve) won_(incident.name, started);
  log_.info("Opened an incident", {{"incident", incident.name},
                                   {"target", opening.victim.target.to_string()},
                                   {"rule", signal.rule},
                                   {"playbook", opening.playbook->name},
                                   {"mode", to_string(opening.mode)}});
  std::string message = opening.victim.target.to_string() + ", playbook " + opening.playbook->name;
  if (!opening.victim.note.empty()) message += "; " + opening.victim.note;
  return result(opening.mode == Mode::kObserve ? Disposition::kObserved : Disposition::kOpened,
                std::move(message), incident.name);
}

/// Nothing: the incident is over, or gone.
Result<std::optional<IntakeResult>> Intake::join(const Signal& signal, const Opening& opening,
                                                 const std::string& name) {
  for (int attempt = 0; attempt < kMaxGenerationTries; ++attempt) {
    auto incident = store_.get(name);
    if (!incident && incident.error().code == ErrorCode::kNotFound) return std::nullopt;
    if (!incident) return tl::unexpected(std::move(incident).error());
    if (incident->is_over()) return std::nullopt;
    if (count_repeat(signal, opening.mode, *incident))
      return result(Disposition::kDuplicate, "counted", name);
    const WallTime now = clock_.now();
    tally(*incident, signal);
    if (opening.mode > mode_of(*incident)) {
      add_timeline(incident->status, now, "controller",
                   "Playbook " + opening.playbook->name + " took over in mode " +
                       std::string(to_string(opening.mode)));
      incident->status.playbook = opening.playbook->name;
      incident->status.playbook_hash = opening.playbook->hash;
      incident->status.mode = opening.mode;
    }
    add_timeline(incident->status, now, "controller",
                 "Joined by signal " + signal.source + ": " + rule_of(signal));
    auto written = store_.update_status(*incident);
    if (written) return result(Disposition::kJoined, "joined the open incident of this target", name);
    if (written.error().code != ErrorCode::kConflict) return tl::unexpected(std::move(written).error());
  }
  return fail(ErrorCode::kUnavailable, "the incident changes too fast; send again");
}

Incident Intake::new_incident(const Signal& signal, const Opening& opening, unsigned generation) const {
  Incident incident;
  incident.spec.target = opening.victim.target;
  incident.name = incident_name(incident.spec.target, generation);
  incident.name_space = settings_.name_space;
  incident.spec.owner = opening.victim.owner;
  Origin& origin = incident.spec.origin;
  origin.source = signal.source;
  origin.rule = rule_of(signal);
  origin.severity = signal.severity;
  origin.summary = escape(signal.summary, kMaxSummaryBytes);
  origin.detected = signal.time;
  origin.received = signal.received;
  origin.compromise_start = signal.compromise_start;
  origin.container = opening.victim.container;
  origin.note = opening.victim.note;
  origin.time_was_clamped = signal.time_was_clamped;
  incident.spec.playbook = opening.playbook->name;
  incident.spec.playbook_hash = opening.playbook->hash;
  incident.spec.mode = opening.mode;
  return incident;
}

bool Intake::count_repeat(const Signal& signal, Mode mode, const Incident& incident) {
  if (!is_repeat(incident, signal, mode)) return false;
  std::lock_guard lock(mutex_);
  Repeat& repeat = repeats_[incident.name][pair_key(signal)];
  repeat.signal = signal;
  ++repeat.count;
  return true;
}

/// What could not be written is counted together with what has come since.
void Intake::put_back(const std::string& incident, const Repeats& repeats) {
  std::lock_guard lock(mutex_);
  for (const auto& [key, repeat] : repeats)
    repeats_[incident].emplace(key, Repeat{repeat.signal, 0}).first->second.count += repeat.count;
}

/// What was counted for an incident that had ended already, which a lagging watch had not shown.
void Intake::take_again(const Incident& ended, const Repeats& repeats) {
  for (const auto& [key, repeat] : repeats) {
    if (is_late(repeat.signal, ended.status.times.closed.value_or(WallTime()))) continue;
    if (!take(repeat.signal)) put_back(ended.name, {{key, repeat}});
  }
}

Result<void> Intake::write_repeats(const std::string& name, const Repeats& repeats) {
  auto incident = store_.get(name);
  if (!incident && incident.error().code == ErrorCode::kNotFound) return {};
  if (!incident) return tl::unexpected(std::move(incident).error());
  if (incident->is_over()) {
    take_again(*incident, repeats);
    return {};
  }
  if (!incident->status.has_begun())
    return fail(ErrorCode::kUnavailable, "no leader has begun it, and the first status write is its");
  for (const auto& [key, repeat] : repeats) tally(*incident, repeat.signal, repeat.count);
  if (auto written = store_.update_status(*incident); !written)
    return tl::unexpected(std::move(written).error());
  return {};
}

void Intake::flush_repeats() {
  std::map<std::string, Repeats> counted;
  {
    std::lock_guard lock(mutex_);
    counted.swap(repeats_);
  }
  for (const auto& [name, repeats] : counted) {
    const auto written = write_repeats(name, repeats);
    if (written) continue;
    log_.debug("Did not count repeats yet", {{"incident", name}, {"error", written.error().to_string()}});
    put_back(name, repeats);
  }
}

}  // namespace kintsugi::controller
