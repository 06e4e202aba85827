// SPDX-License-Identifier: Apache-2.0
//
// The collect step of any kind of target: a job takes the evidence, and its result comes back to the
// incident.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/target_steps.h"
#include "evidence/store.h"
#include "model/finding.h"

namespace kintsugi::controller {

/// What a finished collection left.
struct Collected {
  std::string location;
  std::string manifest_sha256;
  std::vector<std::string> failures;  ///< names of collectors that came back with nothing, or cut short
  bool has_definition = false;        ///< of the victim itself: nothing else makes sense without it
  bool is_durable = false;
};

/// What `store` says of a manifest that it has finished as `sha256`; `definition`: the collector of that.
Collected collected_of(const evidence::Manifest& manifest, std::string sha256, const evidence::Store& store,
                       std::string_view definition);

constexpr int kMaxCollections = 3;

/// How findings speak of a kind of target.
struct CollectionWords {
  const char* no_definition;          ///< the reason: "PodManifestMissing"
  const char* no_definition_message;  ///< "the pod's manifest could not be kept"
  const char* not_durable;            ///< why the store does not last, and what helps
};
inline constexpr CollectionWords kPodWords{
    "PodManifestMissing", "the pod's manifest could not be kept",
    "the evidence directory dies with the pod: put it on a persistent volume"};

/// The reason of an EvidencePreserved=True without the memory, which was asked for. Its collector's name is
/// "memory".
inline constexpr char kMemoryMissing[] = "MemoryMissing";

/// What a collection says about EvidencePreserved. Nothing: it failed as a whole, fewer than kMaxCollections
/// `attempts` were made, and the target is still there, so that another may do better.
std::optional<Finding> judge_collection(const Result<Collected>& collected, int attempts, bool target_exists,
                                        const CollectionWords& words);

/// Between a job and the reconcile that it wakes, in memory only: what is lost in a crash is collected again.
/// Thread-safe.
class CollectionResults {
 public:
  /// Waits here until it is taken.
  void keep(const std::string& incident, Result<Collected> result);
  std::optional<Result<Collected>> take(const std::string& incident);
  /// How many results were kept since the start of the process or forget().
  int attempts(const std::string& incident) const;
  void postpone(const std::string& incident, MonotonicTime until);
  /// What postpone() was given last; in the past where it was not called.
  MonotonicTime next_attempt(const std::string& incident) const;
  /// How far it has come, for the timeline: what was set last, once.
  void set_progress(const std::string& incident, std::string text);
  std::optional<std::string> take_progress(const std::string& incident);
  void forget(const std::string& incident);

 private:
  struct Attempts {
    int made = 0;
    MonotonicTime next{};
    std::optional<Result<Collected>> result;
    std::optional<std::string> progress;
  };

  mutable std::mutex mutex_;
  std::map<std::string, Attempts> attempts_;  ///< guarded; by incident
};

/// The name of the job in the incident's group.
inline constexpr char kCollectJob[] = "collect";

struct Collection {
  CollectionResults& results;
  const CollectionWords& words;
  std::chrono::seconds deadline;  ///< from when the job is queued
  /// Whether another attempt can find anything.
  std::function<bool()> target_exists;
  /// In the job: the incident is as it was when that was queued.
  std::function<Result<Collected>(const Incident& incident, MonotonicTime deadline, std::stop_token stop)>
      run;
};

/// Concludes EvidencePreserved from what a job has left; starts one where there is none. Whether the incident
/// is to be collected at all is for the caller to know.
/// The lane of the jobs about a target: of a namespace, or of a machine, which shares its host with all
/// others.
std::string lane_of(const TargetRef& target);

StepResult collect_in_job(IncidentWork& work, const Collection& collection);

}  // namespace kintsugi::controller
