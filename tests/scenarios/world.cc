// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "chart_rights.h"
#include "k8s-client/client/connect.h"
#include "sandbox/network_oracle.h"
#include "sandbox/sandbox.h"
#include "tests/support/objects.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using support::annotations_of;
using support::name_of;

namespace {

constexpr std::size_t kMaxRightsBytes = 1u << 20;

std::string environment_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

template <class T, class E>
T need(tl::expected<T, E> result) {
  if (!result) FAIL(result.error().to_string());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

k8s::ObjectKey key_of(const json& pod) {
  return {pod["metadata"]["namespace"], name_of(pod)};
}

/// The test looks often; it must not wait for its turn.
std::unique_ptr<k8s::Connection> connect(const std::string& kubeconfig, const Clock& clock) {
  k8s::ConnectOptions options;
  options.kubeconfig.path = kubeconfig;
  options.environment = environment_variable;
  options.user_agent = k8s::make_user_agent("kintsugi-scenarios", "1", "");
  options.rate = {.queries_per_second = 2000, .burst = 2000};
  return need(k8s::connect(options, clock));
}

class SandboxWorld final : public World {
 public:
  SandboxWorld(const std::string& directory, const Clock& clock, Logger& log)
      : kubeconfig_(directory + "/kubeconfig"), cluster_(need(sandbox::start_sandbox({}, clock, log))) {
    need(write_file_durably(kubeconfig_, sandbox::make_kubeconfig(cluster_->api_url())));
    connection_ = connect(kubeconfig_, clock);
  }

  std::string_view name() const override { return "sandbox"; }
  bool can_express(Ability ability) const override {
    return ability == Ability::kRuntime || ability == Ability::kContainers || ability == Ability::kReach;
  }
  k8s::Client& client() override { return connection_->client(); }
  const std::string& kubeconfig() const override { return kubeconfig_; }
  std::string make_controller_kubeconfig(const std::string&) override { return kubeconfig_; }
  void protect(const std::string&) override {}
  sandbox::OciRegistry& registry() override { return cluster_->registry(); }
  std::string registry_host() const override { return cluster_->registry_host(); }
  void set_failure(const json& pod, const std::string& failure) override {
    k8s::JsonPatch patch;
    if (annotations_of(pod).empty()) patch.add("/metadata/annotations", json::object());
    patch.add("/metadata/annotations/sandbox.kintsugi.dev~1failure", failure);
    need(client().patch(k8s::kPods, key_of(pod), patch));
  }
  bool can_reach(const std::string& name_space, const std::string& from, const std::string& to) override {
    const std::string prefix = name_space + "/";
    return sandbox::can_reach(cluster_->store(), prefix + from, prefix + to, 8080).allowed;
  }

 private:
  const std::string kubeconfig_;
  std::unique_ptr<sandbox::Sandbox> cluster_;
  std::unique_ptr<k8s::Connection> connection_;
};

class ControlPlaneWorld final : public World {
 public:
  ControlPlaneWorld(std::string kubeconfig, std::string rights, const std::string& directory,
                    const Clock& clock, Logger& log)
      : kubeconfig_(std::move(kubeconfig)),
        rights_(std::move(rights)),
        controller_kubeconfig_(directory + "/kubeconfig"),
        connection_(connect(kubeconfig_, clock)) {
    need(registry_.start("127.0.0.1", 0, log));
  }

  std::string_view name() const override { return "control-plane"; }
  bool can_express(Ability ability) const override {
    return ability == Ability::kAllControllers || ability == Ability::kSchemas || ability == Ability::kRights;
  }
  k8s::Client& client() override { return connection_->client(); }
  const std::string& kubeconfig() const override { return kubeconfig_; }
  std::string make_controller_kubeconfig(const std::string& run) override {
    given_.emplace(client(), rights_, run);
    need(write_file_durably(controller_kubeconfig_, given_->make_kubeconfig()));
    return controller_kubeconfig_;
  }
  void protect(const std::string& name_space) override { given_->protect(name_space); }
  sandbox::OciRegistry& registry() override { return registry_; }
  std::string registry_host() const override { return registry_.host(); }
  /// As a kubelet would say it; kwok says nothing more about a pod that it has started.
  void set_failure(const json& pod, const std::string& failure) override {
    json status = need(client().get(k8s::kPods, key_of(pod)))["status"];
    const json running{{"running", {{"startedAt", status["startTime"]}}}};
    const json crashed{{"waiting", {{"reason", "CrashLoopBackOff"}, {"message", "back-off 10s"}}}};
    for (json& container : status["containerStatuses"]) {
      container["ready"] = failure.empty();
      container["state"] = failure == "crash-loop" ? crashed : running;
    }
    for (json& condition : status["conditions"])
      if (condition["type"] == "Ready" || condition["type"] == "ContainersReady")
        condition["status"] = failure.empty() ? "True" : "False";
    need(client().patch(k8s::kPods, key_of(pod), k8s::JsonPatch().replace("/status", status), "status"));
  }
  bool can_reach(const std::string&, const std::string&, const std::string&) override {
    FAIL("no packets in this world");
    return false;
  }

 private:
  const std::string kubeconfig_;
  const std::string rights_;
  const std::string controller_kubeconfig_;
  std::unique_ptr<k8s::Connection> connection_;
  std::optional<ChartRights> given_;
  sandbox::OciRegistry registry_;
};

}  // namespace

std::unique_ptr<World> make_world(const std::string& directory, const Clock& clock, Logger& log) {
  std::string kubeconfig = environment_variable("KINTSUGI_LAB_KUBECONFIG");
  if (kubeconfig.empty()) return std::make_unique<SandboxWorld>(directory, clock, log);
  auto rights = read_file(environment_variable("KINTSUGI_CHART_RIGHTS"), kMaxRightsBytes);
  if (!rights) FAIL("run this by tests/scenarios/under-chart-rights.sh: " << rights.error().to_string());
  return std::make_unique<ControlPlaneWorld>(std::move(kubeconfig), std::move(*rights), directory, clock,
                                             log);
}

}  // namespace kintsugi::scenarios
