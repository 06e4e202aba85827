// SPDX-License-Identifier: Apache-2.0
#include "scenario.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "base/file.h"
#include "base/time.h"
#include "sandbox/sandbox.h"
#include "tests/faults/proxy.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr auto kPoll = 20ms;

std::string make_directory() {
  std::string path = std::filesystem::temp_directory_path() / "kintsugi-scenario-XXXXXX";
  REQUIRE(::mkdtemp(path.data()) != nullptr);
  for (const char* name : {"playbooks", "trust-policies", "evidence"})
    std::filesystem::create_directory(path + "/" + name);
  return path;
}

void write(const std::string& path, const std::string& text) {
  const auto written = write_file_durably(path, text);
  if (!written) FAIL(written.error().to_string());
}

template <class T>
T need(k8s::ApiResult<T> result) {
  if (!result) FAIL(result.error().to_string());
  return std::move(*result);
}

std::string run_name() {
  return "s" + std::to_string(std::random_device()() % 1'000'000);
}

}  // namespace

Scenario::Scenario()
    : log_(clock_, LogLevel::kError, standard_error_writer()),
      directory_(make_directory()),
      world_(make_world(directory_, clock_, log_)),
      run_(run_name()),
      system_(make_namespace("system", false)),
      controller_kubeconfig_(world_->make_controller_kubeconfig(run_)),
      shop_(make_namespace("shop", true)) {
  write_trust_policy("release-images",
                     trust_policy_text("release-images", world_->registry_host() + "/shop/**", key_.pem()));
}

Scenario::~Scenario() {
  controllers_.clear();
  forget_incidents();
  for (const std::string& name : namespaces_) (void)client().remove(k8s::kNamespaces, {"", name});
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

/// Their finalizers would keep the namespace, for nobody is left who takes them away.
void Scenario::forget_incidents() {
  const auto left = client().list(kIncidents, system_);
  if (!left) return;
  for (const json& incident : *left)
    (void)client().patch(kIncidents, {system_, name_of(incident)},
                         k8s::JsonPatch().add("/metadata/finalizers", json::array()));
}

std::string Scenario::make_namespace(const std::string& suffix, bool is_protected) {
  const std::string name = run_ + "-" + suffix;
  json labels = json::object();
  if (is_protected) labels["kintsugi.dev/protected"] = "true";
  need(client().create(k8s::kNamespaces, "", {{"metadata", {{"name", name}, {"labels", labels}}}}));
  namespaces_.push_back(name);
  if (is_protected) world_->protect(name);
  return name;
}

Image Scenario::push(const std::string& repository, const std::string& tag, const std::string& content) {
  Image image{repository, tag, world_->registry().push_image(repository, tag, content).index, "", ""};
  const std::string name = world_->registry_host() + "/" + repository;
  image.by_tag = name + ":" + tag;
  image.by_digest = name + "@" + image.digest;
  return image;
}

Image Scenario::push_signed(const std::string& repository, const std::string& tag,
                            const std::string& content) {
  Image image = push(repository, tag, content);
  world_->registry().sign(repository, image.digest, key_);
  return image;
}

void Scenario::write_playbook(const PlaybookText& playbook) {
  write_playbook_file(playbook.name, playbook.to_yaml());
}

void Scenario::write_playbook_file(const std::string& name, const std::string& text) {
  has_playbook_ = true;
  write(directory_ + "/playbooks/" + name + ".yaml", text);
}

void Scenario::write_trust_policy(const std::string& name, const std::string& text) {
  write(directory_ + "/trust-policies/" + name + ".yaml", text);
}

json Scenario::create(const k8s::Resource& resource, const json& object) {
  return need(client().create(resource, shop_, object));
}

void Scenario::open_shop(const std::string& image) {
  create(k8s::kServices, service("web"));
  create(k8s::kDeployments, deployment("web", image, 3));
  create(k8s::kDeployments,
         deployment("neighbour", push_signed("shop/neighbour", "1.0", "neighbour").by_digest, 1));
  eventually("the shop is open", [&] {
    const auto web = pods_of("web");
    const auto neighbours = pods_of("neighbour");
    return std::count_if(web.begin(), web.end(), is_ready) == 3 &&
           std::count_if(neighbours.begin(), neighbours.end(), is_ready) == 1 && serving("web").size() == 3;
  });
}

Image Scenario::open_shop() {
  const Image image = push_signed("shop/web", "1.0", "web 1.0");
  open_shop(image.by_digest);
  return image;
}

ControllerProcess& Scenario::start(bool leader_elect, std::vector<std::string> flags) {
  if (!has_playbook_) write_playbook({});
  controllers_.push_back(std::make_unique<ControllerProcess>(
      ControllerOptions{controller_kubeconfig_, system_, directory_, leader_elect, std::move(flags)}));
  controllers_.back()->require_ready();
  return *controllers_.back();
}

faults::Proxy& Scenario::proxy() {
  if (proxy_ != nullptr) return *proxy_;
  auto upstream = faults::load_upstream(controller_kubeconfig_);
  if (!upstream) FAIL(upstream.error().to_string());
  proxy_ = std::make_unique<faults::Proxy>(std::move(*upstream));
  controller_kubeconfig_ = directory_ + "/kubeconfig-through-proxy";
  write(controller_kubeconfig_, sandbox::make_kubeconfig(proxy_->url()));
  return *proxy_;
}

json Scenario::send(const json& event) {
  net::HttpResponse answer = controller().post(event.dump());
  // 503 says that nothing is durable yet and asks for the signal again, as a sender on a busy machine would
  // have to.
  for (int again = 0; answer.status == 503 && again < 5; ++again) answer = controller().post(event.dump());
  INFO(answer.body);
  REQUIRE(answer.status == 202);
  return json::parse(answer.body).at("results").at(0);
}

std::string Scenario::breach(const json& pod) {
  const json result = send(falco_event(pod));
  INFO(result.dump());
  REQUIRE(result["result"] == "opened");
  return result["incident"];
}

void Scenario::patch(const k8s::Resource& resource, const std::string& name, const k8s::JsonPatch& patch) {
  need(client().patch(resource, {resource == kIncidents ? system_ : shop_, name}, patch));
}

void Scenario::remove(const k8s::Resource& resource, const std::string& name) {
  need(client().remove(resource, {resource == kIncidents ? system_ : shop_, name}));
}

void Scenario::decide(const std::string& name, const std::string& step, bool approve) {
  const json decision{{"step", step},
                      {"decision", approve ? "approve" : "deny"},
                      {"by", "alice"},
                      {"reason", "scenario"},
                      {"time", format_micros(clock_.now())}};
  json approvals = incident(name)["spec"].value("approvals", json::array());
  approvals.push_back(decision);
  patch(kIncidents, name, k8s::JsonPatch().add("/spec/approvals", approvals));
}

void Scenario::release(const std::string& name, const std::string& victim) {
  const json order{
      {"victim", victim}, {"by", "alice"}, {"reason", "false alarm"}, {"time", format_micros(clock_.now())}};
  patch(kIncidents, name, k8s::JsonPatch().add("/spec/release", order));
}

json Scenario::get(const k8s::Resource& resource, const std::string& name) {
  auto object = client().get(resource, {shop_, name});
  if (object) return std::move(*object);
  if (object.error().code != ErrorCode::kNotFound) FAIL(object.error().to_string());
  return nullptr;
}

std::vector<json> Scenario::list(const k8s::Resource& resource, const std::string& selector) {
  k8s::ListParams params;
  params.label_selector = selector;
  return need(client().list(resource, shop_, params));
}

std::vector<json> Scenario::pods_of(const std::string& app) {
  std::vector<json> pods = list(k8s::kPods, "app=" + app);
  std::erase_if(pods, is_being_deleted);
  std::sort(pods.begin(), pods.end(), [](const json& a, const json& b) { return name_of(a) < name_of(b); });
  return pods;
}

json Scenario::identities(const std::vector<json>& pods) {
  json all = json::object();
  for (const json& pod : pods) all[name_of(pod)] = identity_of(get(k8s::kPods, name_of(pod)));
  return all;
}

std::vector<std::string> Scenario::serving(const std::string& name) {
  std::vector<std::string> uids;
  for (const json& slice : list(k8s::kEndpointSlices, "kubernetes.io/service-name=" + name))
    for (const json& endpoint : slice.value("endpoints", json::array()))
      if (endpoint["conditions"].value("ready", false)) uids.push_back(endpoint["targetRef"]["uid"]);
  return uids;
}

json Scenario::incident(const std::string& name) {
  auto object = client().get(kIncidents, {system_, name});
  if (object) return std::move(*object);
  if (object.error().code != ErrorCode::kNotFound) FAIL(object.error().to_string());
  return nullptr;
}

std::vector<json> Scenario::incidents() {
  return need(client().list(kIncidents, system_));
}

json Scenario::config_map(const std::string& name) {
  auto object = client().get(k8s::kConfigMaps, {system_, name});
  return object ? std::move(*object) : json(nullptr);
}

void Scenario::eventually(const std::string& what, const std::function<bool()>& is_so,
                          std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > deadline)
      FAIL("not within " << timeout.count() << " ms: " << what << "\n" << describe());
    std::this_thread::sleep_for(kPoll);
  }
}

json Scenario::eventually_incident(const std::string& name, const std::string& what,
                                   const std::function<bool(const json& incident)>& is_so,
                                   std::chrono::milliseconds timeout) {
  json seen;
  eventually(name + ": " + what, [&] { return is_so(seen = incident(name)); }, timeout);
  return seen;
}

json Scenario::eventually_condition(const std::string& name, const std::string& type,
                                    const std::string& status, const std::string& reason,
                                    std::chrono::milliseconds timeout) {
  const auto is_so = [&](const json& incident) {
    return condition_status(incident, type) == status &&
           (reason.empty() || condition_reason(incident, type) == reason);
  };
  return eventually_incident(name, type + "=" + status + " " + reason, is_so, timeout);
}

void Scenario::holds_for(std::chrono::milliseconds time, const std::string& what,
                         const std::function<bool()>& is_so) {
  const auto end = std::chrono::steady_clock::now() + time;
  do {
    if (!is_so()) FAIL("it did not stay so: " << what << "\n" << describe());
    std::this_thread::sleep_for(kPoll);
  } while (std::chrono::steady_clock::now() < end);
}

std::string Scenario::describe() {
  std::string text = "world: " + std::string(world_->name()) + "\n";
  if (auto all = client().list(kIncidents, system_))
    for (json& incident : *all) {
      incident["metadata"].erase("managedFields");
      text += incident.dump(1) + "\n";
    }
  for (const auto& controller : controllers_) text += "log:\n" + tail(controller->log(), 40) + "\n";
  return text;
}

}  // namespace kintsugi::scenarios
