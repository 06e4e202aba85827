// SPDX-License-Identifier: Apache-2.0
//
// What must be true in the end, whatever happened on the way.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/incident.h"
#include "tests/faults/rule.h"
#include "tests/faults/story.h"

namespace kintsugi::faults {

/// The cluster at one moment, as its API server tells it.
struct Snapshot {
  std::vector<nlohmann::json> pods;  ///< of the shop, all of them
  std::vector<nlohmann::json> deployments;
  std::vector<Incident> incidents;
};
Snapshot take_snapshot(Cluster& cluster);

/// A run as far as it can be known from outside of the controller.
struct Account {
  const Story& story;
  const Snapshot& before;   ///< before the signal
  std::string victim;       ///< the pod's name
  std::string digest;       ///< that the trust policy accepts
  std::string evidence;     ///< the directory
  std::vector<Call> calls;  ///< from the signal on
};

/// How many patches that isolate the pod the API server has accepted.
std::size_t count_isolations(const std::vector<Call>& calls, const std::string& pod);

/// How `after` differs from the promised end; empty: it does not.
std::vector<std::string> find_problems(const Account& account, const Snapshot& after);

}  // namespace kintsugi::faults
