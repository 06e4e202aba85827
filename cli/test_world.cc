// SPDX-License-Identifier: Apache-2.0
#include "cli/test_world.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "base/document.h"
#include "base/json_text.h"
#include "base/time.h"
#include "cli/lent_transport.h"
#include "cli/run.h"
#include "k8s-client/auth/test_environment.h"
#include "k8s-client/core/patch.h"
#include "model/incident_json.h"

namespace kintsugi::cli {

Incident waiting_incident() {
  Incident incident;
  incident.spec.target = {"Pod", "shop", "web-1", "uid-1"};
  incident.name = incident_name(incident.spec.target, 1);
  incident.name_space = "kintsugi-system";
  incident.uid = "incident-uid-1";
  incident.resource_version = "7";
  incident.created = kTestNow - std::chrono::minutes(10);
  incident.spec.owner = {"Deployment", "web", "owner-uid"};
  incident.spec.origin = {"falco",
                          "Reverse shell",
                          Severity::kCritical,
                          "a shell was opened",
                          incident.created,
                          incident.created,
                          {},
                          "app",
                          "",
                          false};
  incident.spec.playbook = "shell-in-container";
  incident.spec.mode = Mode::kFull;
  incident.status.playbook = "shell-in-container";
  incident.status.mode = Mode::kFull;
  incident.status.severity = Severity::kCritical;
  incident.status.times.detected = incident.created;
  incident.status.times.contained = incident.created + std::chrono::milliseconds(850);
  incident.status.awaiting = "redeploy";
  incident.status.awaiting_reason = "pinning deployment shop/web restarts all of its 3 pods";
  return incident;
}

nlohmann::json stored_object(const Incident& incident) {
  nlohmann::json object = to_json(incident);
  object["metadata"]["creationTimestamp"] = format_seconds(incident.created);
  object["metadata"]["generation"] = 1;
  return object;
}

std::string failure(int code, const std::string& reason) {
  return json_text(nlohmann::json({{"kind", "Status"},
                                   {"apiVersion", "v1"},
                                   {"status", "Failure"},
                                   {"message", "it failed"},
                                   {"reason", reason},
                                   {"code", code}}));
}

TestWorld::TestWorld() {
  kubeconfig_ = directory_.write("config", R"(
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: k, cluster: {server: "https://h:6443"}}]
users: [{name: alice, user: {token: t}}]
contexts: [{name: c, context: {cluster: k, user: alice, namespace: shop}}]
)");
}

TestWorld::~TestWorld() = default;

void TestWorld::keep(const std::string& path, nlohmann::json object) {
  objects[path] = std::move(object);
  transport.when("GET", path).answer([this, path](const net::HttpRequest&) -> Result<net::HttpResponse> {
    return net::HttpResponse{200, {}, json_text(objects[path])};
  });
  transport.when("PATCH", path)
      .answer([this, path](const net::HttpRequest& request) -> Result<net::HttpResponse> {
        auto changed = k8s::apply_json_patch(objects[path], request.body);
        if (!changed) return net::HttpResponse{422, {}, failure(422, "Invalid")};
        if (request.url.find("dryRun=All") == std::string::npos) objects[path] = *changed;
        return net::HttpResponse{200, {}, changed->dump()};
      });
}

std::string TestWorld::keep(const Incident& incident) {
  const std::string path = std::string(kIncidentsPath) + "/" + incident.name;
  keep(path, stored_object(incident));
  return path;
}

void TestWorld::keep_list(const std::vector<Incident>& incidents) {
  nlohmann::json list = {{"kind", "IncidentList"},
                         {"apiVersion", kApiVersion},
                         {"metadata", {{"resourceVersion", "9"}}},
                         {"items", nlohmann::json::array()}};
  for (const Incident& incident : incidents) list["items"].push_back(stored_object(incident));
  transport.when("GET", std::string(kIncidentsPath) + "?").respond(200, json_text(list));
}

Ending TestWorld::run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "/usr/bin/kintsugi");
  std::ostringstream out, err;
  auto environment = variables;
  environment.emplace("KUBECONFIG", kubeconfig_);
  const Surroundings surroundings{
      .out = out,
      .err = err,
      .out_is_terminal = out_is_terminal,
      .ask = answers.empty() ? std::function<std::string(std::string_view)>() : [this](std::string_view question) {
        questions.emplace_back(question);
        return answers.at(questions.size() - 1);
      },
      .environment = k8s::environment_of(environment),
      .clock = clock,
      .make_transport = [this](const net::CurlOptions&) { return std::make_unique<LentTransport>(transport); },
      .stop = stop.get_token(),
  };
  const ExitCode code = cli::run(arguments, surroundings);
  return {code, out.str(), err.str()};
}

std::size_t TestWorld::writes() const {
  return transport.count("PATCH", "/") + transport.count("POST", "/") + transport.count("DELETE", "/") +
         transport.count("PUT", "/");
}

nlohmann::json TestWorld::latest_write() const {
  nlohmann::json body;
  for (const net::HttpRequest& request : transport.requests()) {
    if (request.method != "GET") body = parse_json(request.body).value();
  }
  return body;
}

}  // namespace kintsugi::cli
