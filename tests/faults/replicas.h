// SPDX-License-Identifier: Apache-2.0
//
// Two replicas of a controller that elect a leader, and what becomes of incidents whatever befalls one of
// them.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/faults/end_state.h"
#include "tests/faults/replica.h"

namespace kintsugi::faults {

/// Sets up the world of kPreparedTemplate and starts both. Throws where they do not start. Not thread-safe
/// but for the replicas.
class Replicas {
 public:
  explicit Replicas(Cluster& cluster);

  Cluster& cluster() { return cluster_; }
  Replica& leader() { return leader_; }      ///< the one that leads first
  Replica& follower() { return follower_; }  ///< the other
  /// Pods of the Deployment as they were at the beginning, by name.
  std::vector<std::string> pods_of(const std::string& app) const;
  std::string event_about(const std::string& pod) const;

  /// Waits for the follower to lead.
  bool wait_succession(std::chrono::milliseconds patience) {
    return follower_.process()->wait_logged("Leading", patience);
  }
  /// Waits until the pod wears the label of the quarantine. Nothing: it does not in time.
  std::optional<std::chrono::steady_clock::time_point> wait_isolated(const std::string& pod,
                                                                     std::chrono::milliseconds patience);
  /// The incident about a pod, as the API server tells it.
  std::optional<Incident> incident_of(const std::string& pod);
  /// As a leader of another term would leave it, if the incident is still open.
  bool write_fencing_token(const std::string& pod, std::int64_t token);
  bool wait_incident(const std::string& pod, const std::function<bool(const Incident&)>& is_so,
                     std::chrono::milliseconds patience);
  /// How the end differs from what is promised for an incident about `victim` alone; waits for it.
  std::vector<std::string> find_problems_with(const std::string& victim, std::chrono::milliseconds patience);
  /// What both asked of the API server.
  std::vector<Call> calls() const;
  std::string log() const;

 private:
  Cluster& cluster_;
  const Home home_;
  Replica leader_;
  Replica follower_;
  Snapshot before_;
};

}  // namespace kintsugi::faults
