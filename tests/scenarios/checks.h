// SPDX-License-Identifier: Apache-2.0
//
// What several scenarios end with.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "scenario.h"

namespace kintsugi::scenarios {

/// Pods and a Deployment that the scenario must leave alone: remembered at construction, compared later.
class Bystanders {
 public:
  /// Those of `web` but the victim, all of `neighbour`, and both Deployments' specs.
  Bystanders(Scenario& scenario, const nlohmann::json& victim);
  void check_pods_unchanged() const;
  void check_all_unchanged() const;

 private:
  nlohmann::json specs() const;

  Scenario& scenario_;
  std::vector<nlohmann::json> pods_;
  const nlohmann::json identities_;
  const nlohmann::json specs_;
};

/// The pod runs on as it was, but for its labels, annotations and owner: quarantined for `incident`.
void check_quarantined(Scenario& scenario, const nlohmann::json& before, const std::string& incident);
/// The pod is as it was.
void check_untouched(Scenario& scenario, const nlohmann::json& before);
/// `web` has 3 pods, each outside of the quarantine, Ready, serving, and running `digest`; the service has no
/// other endpoint.
void check_shop_is_open(Scenario& scenario, const std::string& digest);
/// Everybody can read a closing from the API server a moment before the controller has the answer to its
/// write. For a scenario whose first incident has been closed, and that goes on with what depends on it.
void wait_until_controller_knows_closing(Scenario& scenario);
/// /metrics counts one incident of severity warning, recovered, and observes each of its times once: those of
/// its status.
void check_observed_once(Scenario& scenario, const nlohmann::json& incident);
/// Every stamp up to "closed" is there, in the order of the stages.
void check_times(const nlohmann::json& incident);
/// Opens a shop of a signed image by its tag, whose pin waits for a person, and starts a controller.
Image start_where_a_pin_waits(Scenario& scenario);
/// What is said about a Deployment by day; {} where nothing is.
nlohmann::json readiness_of(Scenario& scenario, const std::string& name_space, const std::string& name);

}  // namespace kintsugi::scenarios
