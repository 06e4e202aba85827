// SPDX-License-Identifier: Apache-2.0
#include "controller/collection.h"

#include <algorithm>
#include <utility>

namespace kintsugi::controller {
namespace {

/// Looks again after this many deadlines though no job has woken the incident.
constexpr int kPatience = 2;

Finding judge(const Collected& collected, const CollectionWords& words) {
  if (!collected.is_durable) {
    return {ConditionStatus::kFalse, "StoreNotDurable",
            std::string(words.not_durable) + " (" + collected.location + ")"};
  }
  if (!collected.has_definition)
    return {ConditionStatus::kFalse, words.no_definition, words.no_definition_message};
  if (collected.failures.empty()) {
    return {ConditionStatus::kTrue, "Complete", "evidence is in " + collected.location};
  }
  std::string names;
  for (const std::string& failure : collected.failures) names += (names.empty() ? "" : ", ") + failure;
  const bool lacks_memory =
      std::find(collected.failures.begin(), collected.failures.end(), "memory") != collected.failures.end();
  return {ConditionStatus::kTrue, lacks_memory ? kMemoryMissing : "Partial",
          "evidence is in " + collected.location + "; without " + names};
}

/// What a job has left: the condition, or another attempt.
StepResult conclude(IncidentWork& work, const Collection& collection, const Result<Collected>& collected) {
  World& world = work.world();
  const std::string& name = work.incident().name;
  const int attempts = collection.results.attempts(name);
  const auto finding = judge_collection(collected, attempts, collection.target_exists(), collection.words);
  if (!finding) {
    work.note("Evidence could not be collected, attempt " + std::to_string(attempts) + " of " +
              std::to_string(kMaxCollections) + ": " + collected.error().to_string());
    collection.results.postpone(name, world.clock.monotonic() + world.settings.retry);
    return step_waits(world.settings.retry);
  }
  collection.results.forget(name);
  if (collected) {
    work.status().evidence_location = collected->location;
    work.status().evidence_manifest_sha256 = collected->manifest_sha256;
  }
  if (finding->holds()) work.status().times.evidence_preserved = work.now();
  work.conclude(condition::kEvidencePreserved, *finding);
  return step_done();
}

}  // namespace

Collected collected_of(const evidence::Manifest& manifest, std::string sha256, const evidence::Store& store,
                       std::string_view definition) {
  Collected collected;
  collected.location = store.location(manifest.incident);
  collected.manifest_sha256 = std::move(sha256);
  for (const evidence::Failure& failure : manifest.failures) collected.failures.push_back(failure.collector);
  collected.has_definition =
      std::any_of(manifest.files.begin(), manifest.files.end(),
                  [&](const evidence::File& file) { return file.collector == definition; });
  collected.is_durable = store.is_durable();
  return collected;
}

std::optional<Finding> judge_collection(const Result<Collected>& collected, int attempts, bool target_exists,
                                        const CollectionWords& words) {
  if (collected) return judge(*collected, words);
  // Without a store there is nothing that time could change.
  const bool again =
      attempts < kMaxCollections && target_exists && collected.error().code != ErrorCode::kUnsupported;
  if (again) return std::nullopt;
  return Finding{ConditionStatus::kFalse, "CollectionFailed", collected.error().to_string()};
}

void CollectionResults::keep(const std::string& incident, Result<Collected> result) {
  std::lock_guard lock(mutex_);
  Attempts& attempts = attempts_[incident];
  ++attempts.made;
  attempts.result = std::move(result);
}

std::optional<Result<Collected>> CollectionResults::take(const std::string& incident) {
  std::lock_guard lock(mutex_);
  const auto found = attempts_.find(incident);
  if (found == attempts_.end()) return std::nullopt;
  return std::exchange(found->second.result, std::nullopt);
}

int CollectionResults::attempts(const std::string& incident) const {
  std::lock_guard lock(mutex_);
  const auto found = attempts_.find(incident);
  return found == attempts_.end() ? 0 : found->second.made;
}

void CollectionResults::postpone(const std::string& incident, MonotonicTime until) {
  std::lock_guard lock(mutex_);
  attempts_[incident].next = until;
}

MonotonicTime CollectionResults::next_attempt(const std::string& incident) const {
  std::lock_guard lock(mutex_);
  const auto found = attempts_.find(incident);
  return found == attempts_.end() ? MonotonicTime() : found->second.next;
}

void CollectionResults::set_progress(const std::string& incident, std::string text) {
  std::lock_guard lock(mutex_);
  attempts_[incident].progress = std::move(text);
}

std::optional<std::string> CollectionResults::take_progress(const std::string& incident) {
  std::lock_guard lock(mutex_);
  const auto found = attempts_.find(incident);
  if (found == attempts_.end()) return std::nullopt;
  return std::exchange(found->second.progress, std::nullopt);
}

void CollectionResults::forget(const std::string& incident) {
  std::lock_guard lock(mutex_);
  attempts_.erase(incident);
}

std::string lane_of(const TargetRef& target) {
  return target.kind == "Domain" ? target.uid : target.name_space;
}

StepResult collect_in_job(IncidentWork& work, const Collection& collection) {
  World& world = work.world();
  CollectionResults& results = collection.results;
  const std::string name = work.incident().name;
  if (const auto progress = results.take_progress(name)) work.note(*progress);
  if (const auto result = results.take(name)) return conclude(work, collection, *result);
  const MonotonicTime now = world.clock.monotonic();
  if (const MonotonicTime next = results.next_attempt(name); now < next) return step_waits(next - now);
  // Counted from here: in a storm a job may wait longer than it runs.
  const MonotonicTime deadline = now + collection.deadline;
  world.jobs.start(
      name, lane_of(work.target()), kCollectJob,
      [&results, run = collection.run, incident = work.incident(), deadline](std::stop_token stop) {
        results.keep(incident.name, run(incident, deadline, std::move(stop)));
      },
      [&world, name] { world.wake(name); });
  return step_waits(collection.deadline * kPatience);
}

}  // namespace kintsugi::controller
