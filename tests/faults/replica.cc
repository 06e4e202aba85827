// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/replica.h"

#include "sandbox/sandbox.h"
#include "tests/faults/inputs.h"

namespace kintsugi::faults {
namespace {

constexpr std::chrono::seconds kStartPatience{20};

}  // namespace

Home::Home(const Cluster& cluster, const Story& story) {
  directory_.write("playbooks/playbook.yaml", playbook_text(story));
  directory_.write("trust-policies/policy.yaml", trust_policy_text(cluster));
}

Replica::Replica(const Cluster& cluster, const Home& home, const std::string& name, bool elects_leader)
    : cluster_(cluster),
      home_(home),
      elects_leader_(elects_leader),
      proxy_(cluster.upstream()),
      kubeconfig_(home.directory().write("kubeconfig-" + name, sandbox::make_kubeconfig(proxy_.url()))) {}

bool Replica::start() {
  earlier_log_ = log();
  process_ = std::make_shared<support::ControllerProcess>(
      support::ControllerOptions{kubeconfig_, cluster_.system(), home_.directory().path(), elects_leader_});
  return process_->wait_ready(kStartPatience);
}

Answer Replica::send(const std::string& event) const {
  const auto response = process_->try_post(event);
  return response ? Answer{response->status, response->body} : Answer{};
}

std::string Replica::log() const {
  if (process_ == nullptr) return "";
  return earlier_log_ + process_->log() + (process_->is_running() ? "" : "--- the controller ended ---\n");
}

}  // namespace kintsugi::faults
