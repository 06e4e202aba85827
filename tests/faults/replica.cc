// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/replica.h"

#include <vector>

#include "net/curl_transport.h"
#include "sandbox/sandbox.h"
#include "tests/faults/inputs.h"

namespace kintsugi::faults {
namespace {

constexpr std::chrono::seconds kStartPatience{20};

}  // namespace

Home::Home(const Cluster& cluster, const Story& story) {
  directory_.write("playbooks/playbook.yaml", playbook_text(story));
  directory_.write("trust/policy.yaml", trust_policy_text(cluster));
}

Replica::Replica(const Cluster& cluster, const Home& home, const std::string& name, bool elects_leader)
    : cluster_(cluster),
      home_(home),
      elects_leader_(elects_leader),
      proxy_(cluster.upstream()),
      kubeconfig_(home.directory().write("kubeconfig-" + name, sandbox::make_kubeconfig(proxy_.url()))),
      sensor_(net::make_curl_transport({})) {}

bool Replica::start() {
  earlier_log_ = log();
  const std::string& path = home_.directory().path();
  process_ = std::make_shared<ControllerProcess>(std::vector<std::string>{
      "--kubeconfig", kubeconfig_, "--namespace", cluster_.system(), "--playbooks", path + "/playbooks",
      "--trust-policies", path + "/trust", "--evidence-dir", home_.evidence(), "--signals-listen",
      "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--allow-plain-signals",
      std::string("--leader-elect=") + (elects_leader_ ? "true" : "false")});
  return process_->wait_ready(kStartPatience);
}

Answer Replica::send(const std::string& event) const {
  net::HttpRequest request;
  request.method = "POST";
  request.url = process_->signals_url() + "/v1/signals/falco";
  request.headers.add("Content-Type", "application/json");
  request.body = event;
  const auto response = sensor_->send(request, {});
  return response ? Answer{response->status, response->body} : Answer{};
}

std::string Replica::log() const {
  if (process_ == nullptr) return "";
  return earlier_log_ + process_->log() + (process_->is_running() ? "" : "--- the controller ended ---\n");
}

}  // namespace kintsugi::faults
