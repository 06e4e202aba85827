// SPDX-License-Identifier: Apache-2.0
#include "kubevirt_stand_in.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/time.h"
#include "net/self_signed_certificate.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMaxDefinitions = 1u << 20;
constexpr auto kTick = 50ms;
constexpr k8s::Resource kDefinitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                                     "CustomResourceDefinition", false};
constexpr k8s::Resource kApiServices{"apiregistration.k8s.io", "v1", "apiservices", "APIService", false};
constexpr const char* kApiService = "v1.subresources.kubevirt.io";
constexpr const char* kApiPath = "/apis/subresources.kubevirt.io/v1";

json at(const json& object, const char* pointer) {
  const json::json_pointer path(pointer);
  return object.contains(path) ? object.at(path) : json();
}

/// A condition of an instance; null where it has none of that type.
json condition_in(const json& object, const std::string& type) {
  for (const json& condition : at(object, "/status/conditions"))
    if (condition["type"] == type) return condition;
  return nullptr;
}

json condition(const std::string& type) {
  return {{"type", type}, {"status", "True"}};
}

bool is_true(const json& object, const std::string& type) {
  const json found = condition_in(object, type);
  return found.is_object() && found.value("status", "") == "True";
}

json owner_of(const json& object, const std::string& kind) {
  return json::array({{{"apiVersion", "kubevirt.io/v1"},
                       {"kind", kind},
                       {"name", name_of(object)},
                       {"uid", uid_of(object)},
                       {"controller", true},
                       {"blockOwnerDeletion", true}}});
}

/// What virt-controller makes of a machine.
json instance_of(const json& machine) {
  const json& made = machine["spec"]["template"];
  return {
      {"apiVersion", "kubevirt.io/v1"},
      {"kind", "VirtualMachineInstance"},
      {"metadata",
       {{"name", name_of(machine)},
        {"labels", at(made, "/metadata/labels").is_null() ? json::object() : at(made, "/metadata/labels")},
        {"ownerReferences", owner_of(machine, "VirtualMachine")}}},
      {"spec", made["spec"]}};
}

/// And of an instance.
json launcher_of(const json& instance, const std::string& migration) {
  json labels = labels_of(instance);
  labels["kubevirt.io"] = "virt-launcher";
  labels["kubevirt.io/created-by"] = uid_of(instance);
  labels["vm.kubevirt.io/name"] = name_of(instance);
  if (!migration.empty()) labels["kubevirt.io/migrationJobUID"] = migration;
  json containers =
      json::array({{{"name", "compute"}, {"image", "registry.example/kubevirt/virt-launcher:v1"}}});
  for (const json& volume : instance["spec"]["volumes"]) {
    if (!volume.contains("containerDisk")) continue;
    containers.push_back({{"name", "volume" + volume["name"].get<std::string>()},
                          {"image", volume["containerDisk"]["image"]}});
  }
  return {{"metadata",
           {{"generateName", "virt-launcher-" + name_of(instance) + "-"},
            {"labels", labels},
            {"annotations", {{"kubevirt.io/domain", name_of(instance)}}},
            {"ownerReferences", owner_of(instance, "VirtualMachineInstance")}}},
          {"spec", {{"containers", containers}, {"automountServiceAccountToken", false}}}};
}

/// One look of virt-controller at one namespace. What fails is tried again at the next look.
class Look {
 public:
  /// `made` counts the instances that are made, by their machine.
  Look(k8s::Client& client, std::string name_space, std::map<std::string, int>& made)
      : client_(client), name_space_(std::move(name_space)), made_(made) {}

  void take() {
    const auto machines = client_.list(kMachines, name_space_);
    const auto instances = client_.list(kInstances, name_space_);
    const auto pods = client_.list(k8s::kPods, name_space_);
    const auto migrations = client_.list(kMigrations, name_space_);
    const auto snapshots = client_.list(kSnapshots, name_space_);
    if (!machines || !instances || !pods || !migrations || !snapshots) return;
    pods_ = *pods;
    migrations_ = *migrations;
    for (const json& machine : *machines) see_to_machine(machine, *instances);
    for (const json& instance : *instances) see_to_instance(instance);
    for (const json& snapshot : *snapshots) {
      if (!at(snapshot, "/status/readyToUse").is_null()) continue;
      patch(kSnapshots, snapshot, "/status", {{"readyToUse", true}, {"phase", "Succeeded"}}, "status");
    }
  }

 private:
  void see_to_machine(const json& machine, const std::vector<json>& instances) {
    if (at(machine, "/status/memoryDumpRequest/phase") == "InProgress") {
      const bool is_full = at(machine, "/status/memoryDumpRequest/claimName") == kFullClaim;
      patch(kMachines, machine, "/status/memoryDumpRequest/phase", is_full ? "Failed" : "Completed",
            "status");
    }
    const json requests = at(machine, "/status/stateChangeRequests");
    const auto found = std::find_if(instances.begin(), instances.end(), [&](const json& instance) {
      return name_of(instance) == name_of(machine);
    });
    if (found != instances.end()) {
      const bool is_to_stop =
          requests.is_array() && !requests.empty() && requests[0].value("uid", "") == uid_of(*found);
      if (is_to_stop) return stop(*found);
      return follow_links(machine, *found);
    }
    const bool is_asked = requests.is_array() && !requests.empty() && requests.back()["action"] == "Start";
    if (!is_asked && !starts_by_itself(machine)) return;
    if (!client_.create(kInstances, name_space_, instance_of(machine))) return;
    ++made_[name_of(machine)];
    if (requests.is_array())
      patch(kMachines, machine, "/status/stateChangeRequests", json::array(), "status");
  }

  /// Whether its run strategy asks for an instance, now that it has none.
  bool starts_by_itself(const json& machine) const {
    const std::string strategy = machine["spec"].value("runStrategy", "");
    const bool is_first = !made_.contains(name_of(machine));
    return strategy == "Always" || (is_first && (strategy == "RerunOnFailure" || strategy == "Once"));
  }

  /// The live update: of all that the template says of cards, only the state reaches a guest that runs.
  void follow_links(const json& machine, const json& instance) {
    const json cards = at(machine, "/spec/template/spec/domain/devices/interfaces");
    if (cards != at(instance, "/spec/domain/devices/interfaces"))
      patch(kInstances, instance, "/spec/domain/devices/interfaces", cards);
  }

  void show_links(const json& instance) {
    json shown = json::array();
    for (const json& card : at(instance, "/spec/domain/devices/interfaces")) {
      const bool is_down = card.value("state", "up") == "down";
      shown.push_back({{"name", card["name"]}, {"linkState", is_down ? "down" : "up"}});
    }
    if (at(instance, "/status/interfaces") != shown) patch(kInstances, instance, "/status/interfaces", shown);
  }

  void see_to_instance(const json& instance) {
    const auto launchers = launchers_of(instance);
    const auto migration = std::find_if(migrations_.begin(), migrations_.end(), [&](const json& candidate) {
      return candidate["spec"]["vmiName"] == name_of(instance);
    });
    const bool is_migrating = at(instance, "/status/migrationState").is_object() &&
                              at(instance, "/status/migrationState/completed") != true;
    if (launchers.empty()) return create_launcher(instance, "");
    if (migration != migrations_.end() && !is_migrating) {
      create_launcher(instance, uid_of(*migration));
      return patch(kInstances, instance, "/status/migrationState", {{"migrationUid", uid_of(*migration)}});
    }
    if (migration == migrations_.end() && is_migrating)
      return patch(kInstances, instance, "/status/migrationState/completed", true);
    const bool is_shown = at(instance, "/status/phase") == "Running";
    if (is_shown) return show_links(instance);
    if (!is_ready(launchers.front())) return;
    patch(kInstances, instance, "/status",
          {{"phase", "Running"}, {"conditions", {condition("Ready"), condition("AgentConnected")}}});
  }

  void stop(const json& instance) {
    (void)client_.remove(kInstances, {name_space_, name_of(instance)});
    k8s::DeleteOptions at_once;
    at_once.grace_period_seconds = 0;
    for (const json& pod : launchers_of(instance))
      (void)client_.remove(k8s::kPods, {name_space_, name_of(pod)}, at_once);
  }

  void create_launcher(const json& instance, const std::string& migration) {
    (void)client_.create(k8s::kPods, name_space_, launcher_of(instance, migration));
  }

  /// By the labels that virt-controller and virt-api find them by.
  std::vector<json> launchers_of(const json& instance) const {
    std::vector<json> found;
    for (const json& pod : pods_) {
      const json labels = labels_of(pod);
      if (labels.value("kubevirt.io", "") == "virt-launcher" &&
          labels.value("kubevirt.io/created-by", "") == uid_of(instance) && !is_being_deleted(pod))
        found.push_back(pod);
    }
    return found;
  }

  void patch(const k8s::Resource& resource, const json& object, const char* pointer, const json& value,
             const std::string& subresource = "") {
    (void)client_.patch(resource, {name_space_, name_of(object)}, k8s::JsonPatch().add(pointer, value),
                        subresource);
  }

  k8s::Client& client_;
  const std::string name_space_;
  std::map<std::string, int>& made_;
  std::vector<json> pods_;
  std::vector<json> migrations_;
};

/// virt-api: answers one request about one object.
class Subresources {
 public:
  Subresources(k8s::Client& client, std::string name_space)
      : client_(client), name_space_(std::move(name_space)) {}

  net::HttpResponse answer(const net::ServerRequest& request) {
    if (request.path == kApiPath) return reply(200, resource_list());
    const std::string prefix = std::string(kApiPath) + "/namespaces/" + name_space_ + "/";
    if (!request.path.starts_with(prefix)) return reply(404, status(404, "NotFound", "no such path"));
    std::vector<std::string> parts(1);
    for (const char character : request.path.substr(prefix.size())) {
      if (character == '/') {
        parts.emplace_back();
      } else {
        parts.back() += character;
      }
    }
    if (parts.size() != 3) return reply(404, status(404, "NotFound", "no such path"));
    if (request.method == "GET") return reply(200, {{"guestAgentVersion", "5.2"}, {"hostname", parts[1]}});
    const json body = request.body.empty() ? json::object() : json::parse(request.body);
    return parts[0] == "virtualmachines" ? act_on_machine(parts[1], parts[2], body)
                                         : act_on_instance(parts[1], parts[2]);
  }

 private:
  static net::HttpResponse reply(int status, const json& body) {
    net::HttpResponse response;
    response.status = status;
    response.headers.set("Content-Type", "application/json");
    if (!body.is_null()) response.body = body.dump();
    return response;
  }
  static json status(int code, const std::string& reason, const std::string& message) {
    return {{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Failure"},
            {"code", code},     {"reason", reason},   {"message", message}};
  }
  static json resource_list() {
    json resources = json::array();
    for (const char* name : {"virtualmachineinstances/pause", "virtualmachineinstances/unpause",
                             "virtualmachines/restart", "virtualmachines/memorydump"})
      resources.push_back({{"name", name}, {"namespaced", true}, {"kind", ""}, {"verbs", {"update"}}});
    return {{"kind", "APIResourceList"},
            {"apiVersion", "v1"},
            {"groupVersion", "subresources.kubevirt.io/v1"},
            {"resources", resources}};
  }

  net::HttpResponse act_on_instance(const std::string& name, const std::string& verb) {
    const auto instance = client_.get(kInstances, {name_space_, name});
    if (!instance) return reply(404, status(404, "NotFound", "no such instance"));
    const bool pauses = verb == "pause";
    if (at(*instance, "/status/phase") != "Running")
      return reply(409, status(409, "Conflict", "VM is not running"));
    if (pauses && instance->at("spec").contains("livenessProbe"))
      return reply(403,
                   status(403, "Forbidden", "Pausing VMIs with LivenessProbe is currently not supported"));
    if (pauses == is_true(*instance, "Paused"))
      return reply(409, status(409, "Conflict", pauses ? "VMI is already paused" : "VMI is not paused"));
    if (pauses && at(*instance, "/status/migrationState").is_object() &&
        at(*instance, "/status/migrationState/completed") != true)
      return reply(409, status(409, "Conflict", "it is currently being migrated"));
    json conditions = json::array();
    for (const json& each : at(*instance, "/status/conditions")) {
      // The agent of a paused guest does not answer.
      if (each["type"] != "Paused" && each["type"] != "AgentConnected") conditions.push_back(each);
    }
    conditions.push_back(condition(pauses ? "Paused" : "AgentConnected"));
    const auto done = client_.patch(kInstances, {name_space_, name},
                                    k8s::JsonPatch().replace("/status/conditions", conditions));
    return done ? reply(202, nullptr) : reply(500, status(500, "InternalError", "not done"));
  }

  net::HttpResponse act_on_machine(const std::string& name, const std::string& verb, const json& body) {
    const auto machine = client_.get(kMachines, {name_space_, name});
    if (!machine) return reply(404, status(404, "NotFound", "no such machine"));
    json now = at(*machine, "/status").is_null() ? json::object() : at(*machine, "/status");
    if (verb == "memorydump") {
      if (body["claimName"] == kMissingClaim) return reply(404, status(404, "NotFound", "no such claim"));
      if (body["claimName"] == kForeignClaim)
        return reply(409, status(409, "Conflict", "a claim is associated with another memory dump"));
      const json earlier = at(now, "/memoryDumpRequest/phase");
      if (earlier == "InProgress")
        return reply(409, status(409, "Conflict", "memory dump request for vm already exists"));
      now["memoryDumpRequest"] = {{"claimName", body["claimName"]},
                                  {"phase", "InProgress"},
                                  {"startTimestamp", format_seconds(SystemClock().now())}};
    } else {
      const json strategy = machine->at("spec").value("runStrategy", "");
      if (strategy == "Halted" || strategy == "Once") {
        return reply(409, status(409, "Conflict",
                                 strategy.get<std::string>() + " does not support manual restart requests"));
      }
      const auto instance = client_.get(kInstances, {name_space_, name});
      if (!instance || body.value("gracePeriodSeconds", 1) != 0)
        return reply(409, status(409, "Conflict", "VM is not running"));
      const json pending = at(now, "/stateChangeRequests");
      if (pending.is_array() && !pending.empty())
        return reply(409, status(409, "Conflict", "unable to complete request: stop/start already underway"));
      now["stateChangeRequests"] = {{{"action", "Stop"}, {"uid", uid_of(*instance)}}, {{"action", "Start"}}};
    }
    const auto done =
        client_.patch(kMachines, {name_space_, name}, k8s::JsonPatch().add("/status", now), "status");
    return done ? reply(202, nullptr) : reply(500, status(500, "InternalError", "not done"));
  }

  k8s::Client& client_;
  const std::string name_space_;
};

}  // namespace

json machine(const std::string& name, const std::string& image) {
  const json disks{{{"name", "root"}, {"disk", {{"bus", "virtio"}}}},
                   {{"name", "data"}, {"disk", {{"bus", "virtio"}}}}};
  const json volumes{{{"name", "root"}, {"containerDisk", {{"image", image}}}},
                     {{"name", "data"}, {"persistentVolumeClaim", {{"claimName", name + "-data"}}}}};
  return {
      {"apiVersion", "kubevirt.io/v1"},
      {"kind", "VirtualMachine"},
      {"metadata", {{"name", name}}},
      {"spec",
       {{"runStrategy", "Always"},
        {"template",
         {{"metadata", {{"labels", {{"app", name}}}}},
          {"spec",
           {{"domain",
             {{"devices",
               {{"disks", disks}, {"interfaces", {{{"name", "default"}, {"masquerade", json::object()}}}}}}}},
            {"networks", {{{"name", "default"}, {"pod", json::object()}}}},
            {"volumes", volumes}}}}}}}};
}

void attach_network(json& machine) {
  json& spec = machine["spec"]["template"]["spec"];
  spec["networks"].push_back({{"name", "san"}, {"multus", {{"networkName", kOtherNetwork}}}});
  spec["domain"]["devices"]["interfaces"].push_back({{"name", "san"}, {"bridge", json::object()}});
}

KubeVirt::KubeVirt(Scenario& scenario)
    : scenario_(scenario), log_(clock_, LogLevel::kError, standard_error_writer()) {
  install_definitions();
  serve_subresources();
  controller_ = std::jthread([this](const std::stop_token& stop) { play(stop); });
}

KubeVirt::~KubeVirt() {
  controller_.request_stop();
  controller_.join();
  (void)scenario_.client().remove(kApiServices, {"", kApiService});
  server_->stop(100ms);
}

/// They stay: another scenario of the same control plane needs them, too.
void KubeVirt::install_definitions() {
  const auto text =
      read_file(std::string(KINTSUGI_SOURCE_ROOT) + "/tests/kubevirt/crds.json", kMaxDefinitions);
  REQUIRE(text);
  const json definitions = json::parse(*text);
  for (const json& definition : definitions["items"]) {
    const auto created = scenario_.client().create(kDefinitions, "", definition);
    if (!created && created.error().code != ErrorCode::kAlreadyExists) FAIL(created.error().to_string());
  }
  scenario_.eventually("KubeVirt's kinds are served", [&] {
    for (const k8s::Resource* resource : {&kMachines, &kInstances, &kMigrations, &kSnapshots})
      if (!scenario_.client().list(*resource, scenario_.shop())) return false;
    return true;
  });
}

/// An aggregated API needs a Service. One of type ExternalName leads the API server to its own machine.
void KubeVirt::serve_subresources() {
  const auto now = clock_.now();
  auto certificate = net::make_self_signed({{"localhost"}, now - 1h, now + 24h});
  REQUIRE(certificate);
  net::ServerOptions options;
  options.tls = std::move(*certificate);
  options.handle = [this](const net::ServerRequest& request, std::unique_ptr<net::Responder> responder) {
    responder->respond(Subresources(scenario_.client(), scenario_.shop()).answer(request));
  };
  auto server = net::start_http_server(std::move(options), log_);
  REQUIRE(server);
  server_ = std::move(*server);
  scenario_.create(k8s::kServices, {{"metadata", {{"name", "virt-api"}}},
                                    {"spec", {{"type", "ExternalName"}, {"externalName", "localhost"}}}});
  const json reference{{"namespace", scenario_.shop()}, {"name", "virt-api"}, {"port", server_->port()}};
  const auto created = scenario_.client().create(kApiServices, "",
                                                 {{"metadata", {{"name", kApiService}}},
                                                  {"spec",
                                                   {{"group", "subresources.kubevirt.io"},
                                                    {"version", "v1"},
                                                    {"service", reference},
                                                    {"insecureSkipTLSVerify", true},
                                                    {"groupPriorityMinimum", 1000},
                                                    {"versionPriority", 15}}}});
  if (!created) FAIL(created.error().to_string());
  scenario_.eventually(
      "virt-api is served",
      [&] {
        const auto service = scenario_.client().get(kApiServices, {"", kApiService});
        return service && is_true(*service, "Available");
      },
      60s);
}

void KubeVirt::look() {
  const std::lock_guard lock(mutex_);  // what it has made is counted before anybody asks
  Look(scenario_.client(), scenario_.shop(), made_).take();
}

void KubeVirt::play(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    look();
    std::this_thread::sleep_for(kTick);
  }
}

/// What virt-api writes for `virtctl start`.
void KubeVirt::request_start(const std::string& machine) {
  const json requests = json::array({{{"action", "Start"}}});
  REQUIRE(scenario_.client().patch(kMachines, {scenario_.shop(), machine},
                                   k8s::JsonPatch().add("/status", json{{"stateChangeRequests", requests}}),
                                   "status"));
}

json KubeVirt::run(const json& machine) {
  scenario_.create(kMachines, machine);
  if (machine["spec"]["runStrategy"] == "Manual") request_start(name_of(machine));
  json launcher;
  scenario_.eventually("the machine runs", [&] {
    const json now = instance(name_of(machine));
    if (!is_true(now, "Ready")) return false;
    launcher = launchers(uid_of(now)).at(0);
    return true;
  });
  return launcher;
}

json KubeVirt::instance(const std::string& machine) {
  return scenario_.get(kInstances, machine);
}

std::vector<json> KubeVirt::launchers(const std::string& instance_uid) {
  auto pods = scenario_.list(k8s::kPods, "kubevirt.io/created-by=" + instance_uid);
  std::erase_if(pods, is_being_deleted);
  return pods;
}

int KubeVirt::instances_made(const std::string& machine) {
  const std::lock_guard lock(mutex_);
  return made_[machine];
}

bool KubeVirt::is_paused(const std::string& machine) {
  return is_true(instance(machine), "Paused");
}

}  // namespace kintsugi::scenarios
