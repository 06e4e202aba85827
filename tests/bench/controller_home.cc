// SPDX-License-Identifier: Apache-2.0
#include "controller_home.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/objects.h"

namespace kintsugi::bench {

ControllerHome::ControllerHome(Cluster& cluster) : cluster_(cluster) {
  support::PlaybookText breach;
  breach.rule = kBreachRule;
  breach.verify = "{readySeconds: 120, quietSeconds: 300}";
  support::PlaybookText drill;
  drill.name = "drill";
  drill.rule = kDrillRule;
  directory_.write("playbooks/breach.yaml", breach.to_yaml());
  directory_.write("playbooks/drill.yaml", drill.to_yaml());
  directory_.write("trust-policies/release-images.yaml", cluster.trust_policy());
  std::filesystem::create_directory(directory_.path() + "/evidence");
}

support::ControllerProcess& ControllerHome::start() {
  stop();
  process_ = std::make_unique<support::ControllerProcess>(
      support::ControllerOptions{cluster_.kubeconfig(), cluster_.system(), directory_.path()});
  process_->require_ready();
  return *process_;
}

support::ControllerProcess& ControllerHome::start_afresh() {
  stop();
  cluster_.forget_incidents();
  return start();
}

}  // namespace kintsugi::bench
