// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/cluster.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <thread>

#include "k8s-client/core/request.h"

namespace kintsugi::faults {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kPatience = 30s;
constexpr auto kPause = 25ms;

json containers(const std::string& name, const std::string& image) {
  return json::array(
      {{{"name", name},
        {"image", image},
        {"ports", json::array({{{"name", "http"}, {"containerPort", 8080}, {"protocol", "TCP"}}})}}});
}

json deployment(const std::string& name, int replicas, const std::string& image) {
  const json labels{{"app", name}};
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", name}, {"labels", labels}}},
          {"spec",
           {{"replicas", replicas},
            {"selector", {{"matchLabels", labels}}},
            {"template",
             {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", containers(name, image)}}}}}}}};
}

json service(const std::string& name) {
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"selector", {{"app", name}}},
            {"ports", json::array({{{"name", "http"}, {"port", 80}, {"targetPort", "http"}}})}}}};
}

json name_space(const std::string& name, const json& labels) {
  return {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}, {"labels", labels}}}};
}

/// Empty where there is none.
std::string lab_kubeconfig() {
  const char* const path = std::getenv("KINTSUGI_LAB_KUBECONFIG");
  return path == nullptr ? "" : path;
}

template <class T, class E>
T require(tl::expected<T, E> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace

bool is_ready(const json& pod) {
  const json conditions = pod.value("/status/conditions"_json_pointer, json::array());
  return std::any_of(conditions.begin(), conditions.end(), [](const json& condition) {
    return condition.at("type") == "Ready" && condition.at("status") == "True";
  });
}

Cluster::Cluster() : log_(clock_, LogLevel::kError, standard_error_writer()) {
  pocket_ = require(sandbox::start_sandbox({}, clock_, log_));
  const SigningKey key;
  public_key_ = key.pem();
  const sandbox::PushedImage image = pocket_->registry().push_image("shop/web", "1.0", "web 1.0");
  pocket_->registry().sign("shop/web", image.index, key);
  digest_ = image.index;
}

Cluster::~Cluster() {
  if (!is_lab_) return;
  for (const std::string& name : {shop_, system_})
    static_cast<void>(client().remove(k8s::kNamespaces, {"", name}));
}

void Cluster::connect(std::string kubeconfig) {
  k8s::ConnectOptions options;
  options.kubeconfig.path = kubeconfig;
  options.environment = [](const char*) { return std::string(); };
  options.user_agent = k8s::make_user_agent("kintsugi-fault-test", "1", "");
  connection_ = require(k8s::connect(options, clock_));
  kubeconfig_ = std::move(kubeconfig);
}

std::unique_ptr<Cluster> Cluster::start_sandbox() {
  std::unique_ptr<Cluster> cluster(new Cluster);
  cluster->connect(
      cluster->scratch_.write("kubeconfig", sandbox::make_kubeconfig(cluster->pocket_->api_url())));
  return cluster;
}

std::unique_ptr<Cluster> Cluster::enter_lab() {
  if (!has_lab()) return nullptr;
  std::unique_ptr<Cluster> cluster(new Cluster);
  cluster->connect(lab_kubeconfig());
  const std::string suffix = std::to_string(std::random_device()());
  cluster->shop_ = "shop-" + suffix;
  cluster->system_ = "kintsugi-" + suffix;
  cluster->create(k8s::kNamespaces, "", name_space(cluster->system_, json::object()));
  cluster->is_lab_ = true;
  return cluster;
}

bool Cluster::has_lab() {
  return !lab_kubeconfig().empty();
}

std::unique_ptr<Cluster> Cluster::enter() {
  return has_lab() ? enter_lab() : start_sandbox();
}

Upstream Cluster::upstream() const {
  return require(load_upstream(kubeconfig_));
}

void Cluster::create(const k8s::Resource& resource, const std::string& in, const json& object) {
  require(client().create(resource, in, object));
}

void Cluster::seed(ImageName image) {
  const std::string web = image_prefix() + "web" + (image == ImageName::kTag ? ":1.0" : "@" + digest_);
  create(k8s::kNamespaces, "", name_space(shop_, {{"kintsugi.dev/protected", "true"}}));
  create(k8s::kDeployments, shop_, deployment("web", 3, web));
  create(k8s::kServices, shop_, service("web"));
  create(k8s::kDeployments, shop_, deployment("neighbour", 1, web));
  wait_ready("web", 3);
  wait_ready("neighbour", 1);
}

void Cluster::add_bare_pod(const std::string& name) {
  create(k8s::kPods, shop_,
         {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"name", name}, {"labels", {{"app", name}}}}},
          {"spec", {{"containers", containers(name, image_prefix() + "web@" + digest_)}}}});
  wait_ready(name, 1);
}

std::vector<json> Cluster::pods(const std::string& app) {
  k8s::ListParams params;
  if (!app.empty()) params.label_selector = "app=" + app;
  return require(client().list(k8s::kPods, shop_, params));
}

void Cluster::wait_ready(const std::string& app, std::size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const std::vector<json> all = pods(app);
    if (all.size() == count && std::all_of(all.begin(), all.end(), is_ready)) return;
    std::this_thread::sleep_for(kPause);
  }
  throw std::runtime_error("the pods of " + app + " do not become Ready");
}

}  // namespace kintsugi::faults
