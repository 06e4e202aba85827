// SPDX-License-Identifier: Apache-2.0
#include "cluster.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "tests/support/objects.h"
#include "tests/support/parallel.h"

namespace kintsugi::bench {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kPatience = 240s;
constexpr auto kPause = 250ms;
constexpr auto kCallTimeout = 60s;
constexpr std::size_t kReplicas = 100;  ///< of each Deployment of victims
/// On nodes that pull, where our own registry cannot be reached.
constexpr const char* kPublicImage = "registry.k8s.io/pause:3.10";
constexpr const char* kVictims = "bench=victims";
constexpr const char* kQuarantined = "kintsugi.dev/quarantine=true";

/// The bench's own calls must not wait for tokens.
std::unique_ptr<k8s::Connection> connect(const std::string& kubeconfig, const Clock& clock) {
  k8s::ConnectOptions options;
  options.kubeconfig.path = kubeconfig;
  options.environment = [](const char*) { return std::string(); };
  options.user_agent = k8s::make_user_agent("kintsugi-bench", "1", "");
  options.rate = {.queries_per_second = 1e6, .burst = 1e6};
  return need(k8s::connect(options, clock));
}

std::string run_name() {
  return "bench-" + std::to_string(std::random_device()() % 1'000'000);
}

bool is_kwok(const json& node) {
  const json version = node.value("/status/nodeInfo/kubeletVersion"_json_pointer, json());
  return version.is_string() && version.get<std::string>().starts_with("kwok");
}

/// "110" or, as kwok has it, "10k".
std::size_t room_of(const json& node) {
  const std::string pods = node.value("/status/allocatable/pods"_json_pointer, std::string("0"));
  return std::strtoul(pods.c_str(), nullptr, 10) * (pods.ends_with('k') ? 1000 : 1);
}

bool is_victim(const json& pod) {
  return support::is_ready(pod) && !support::is_being_deleted(pod) && !support::is_quarantined(pod);
}

}  // namespace

k8s::CallOptions patiently() {
  k8s::CallOptions call;
  call.timeout = kCallTimeout;
  return call;
}

Cluster::Cluster(ClusterOptions options, const Clock& clock, Logger& log)
    : options_(std::move(options)),
      clock_(clock),
      connection_(connect(options_.kubeconfig, clock)),
      shop_(run_name()),
      system_(shop_ + "-system"),
      floor_(shop_ + "-floor") {
  need(registry_.start("127.0.0.1", 0, log));
  nodes_ = list(k8s::kNodes, "");
  choose_image();
  choose_size();
  make_namespace(shop_, true);
  make_namespace(system_, false);
  make_namespace(floor_, false);
}

Cluster::~Cluster() {
  forget_incidents();
  for (const std::string& name : namespaces_) (void)client().remove(k8s::kNamespaces, {"", name});
}

void Cluster::choose_image() {
  const bool nothing_is_pulled = !nodes_.empty() && std::all_of(nodes_.begin(), nodes_.end(), is_kwok);
  image_is_signed_ = options_.image.empty() && nothing_is_pulled;
  if (!image_is_signed_) {
    image_ = options_.image.empty() ? kPublicImage : options_.image;
    return;
  }
  const std::string digest = registry_.push_image("bench/web", "1.0", "web 1.0").index;
  registry_.sign("bench/web", digest, key_);
  image_ = registry_.host() + "/bench/web@" + digest;
}

/// Victims stay until their phase is over while their replacements run.
void Cluster::choose_size() {
  std::size_t room = 0;
  for (const json& node : nodes_) room += room_of(node);
  const std::size_t running = list(k8s::kPods, "").size();
  room = room > running ? room - running : 0;
  victims_ = std::min(options_.victims, room * 2 / 5 / 10 * 10);
  if (victims_ < 10) throw std::runtime_error("the cluster has no room for 25 pods more");
}

std::vector<json> Cluster::list(const k8s::Resource& resource, const std::string& name_space,
                                const k8s::ListParams& params) {
  return need(insistently([&] { return client().list(resource, name_space, params, patiently()); }));
}

void Cluster::make_namespace(const std::string& name, bool is_protected) {
  json labels = json::object();
  if (is_protected) labels["kintsugi.dev/protected"] = "true";
  need(client().create(k8s::kNamespaces, "", {{"metadata", {{"name", name}, {"labels", labels}}}},
                       patiently()));
  namespaces_.push_back(name);
}

std::string Cluster::trust_policy() const {
  return support::trust_policy_text("release-images", registry_.host() + "/bench/**", key_.pem());
}

void Cluster::deploy_victims() {
  for (std::size_t made = 0; made < victims_; made += kReplicas) {
    const int replicas = int(std::min(kReplicas, victims_ - made));
    json deployment = support::deployment("web-" + std::to_string(made / kReplicas), image_, replicas);
    deployment["spec"]["template"]["metadata"]["labels"]["bench"] = "victims";
    need(client().create(k8s::kDeployments, shop_, deployment, patiently()));
  }
}

void Cluster::deploy_service(const std::string& name, int replicas) {
  need(client().create(k8s::kServices, shop_, support::service(name), patiently()));
  need(client().create(k8s::kDeployments, shop_, support::deployment(name, image_, replicas), patiently()));
}

std::vector<Victim> Cluster::ready_pods(std::size_t count, const std::string& app) {
  delete_quarantined();
  const MonotonicTime deadline = clock_.monotonic() + kPatience;
  k8s::ListParams params;
  params.label_selector = app.empty() ? kVictims : "app=" + app;
  while (true) {
    std::vector<Victim> ready;
    for (json& pod : list(k8s::kPods, shop_, params)) {
      if (!is_victim(pod)) continue;
      pod["metadata"].erase("managedFields");
      ready.push_back({pod, support::name_of(pod), support::uid_of(pod)});
    }
    if (ready.size() >= count) return ready;
    if (clock_.monotonic() > deadline) {
      throw std::runtime_error(std::to_string(count - ready.size()) + " of " + std::to_string(count) +
                               " pods do not become Ready; do the nodes get the image " + image_ +
                               "? --image names another");
    }
    std::this_thread::sleep_for(kPause);
  }
}

void Cluster::delete_quarantined() {
  k8s::ListParams params;
  params.label_selector = kQuarantined;
  const auto victims = list(k8s::kPods, shop_, params);
  k8s::DeleteOptions options;
  options.grace_period_seconds = 0;
  support::in_parallel(options_.connections, victims.size(), [&](std::size_t i) {
    (void)client().remove(k8s::kPods, {shop_, support::name_of(victims[i])}, options, patiently());
  });
}

std::vector<json> Cluster::incidents() {
  return list(kIncidents, system_);
}

/// Their finalizers would keep them, for nobody is left who takes those away.
void Cluster::forget_incidents() {
  const auto left = client().list(kIncidents, system_, {}, patiently());
  if (!left) return;
  support::in_parallel(options_.connections, left->size(), [&](std::size_t i) {
    const k8s::ObjectKey key{system_, support::name_of((*left)[i])};
    (void)client().remove(kIncidents, key, {}, patiently());
    (void)client().patch(kIncidents, key, k8s::JsonPatch().add("/metadata/finalizers", json::array()), "",
                         patiently());
  });
}

}  // namespace kintsugi::bench
