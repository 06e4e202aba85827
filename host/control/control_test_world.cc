// SPDX-License-Identifier: Apache-2.0
#include "host/control/control_test_world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"

namespace kintsugi::host {

World::World()
    : domains(std::vector<DomainEntry>{{"web-1", "0c8b6d1e-uuid", true, true},
                                       {"left alone", "uuid-2", false, false}}),
      before_write([] {}),
      api(surroundings()) {
  Incident incident;
  incident.name = kIncidentName;
  incident.name_space = "host";
  incident.created = kNow;
  incident.has_ledger_finalizer = true;
  incident.spec.target = kTarget;
  incident.spec.playbook = "isolate";
  incident.spec.mode = Mode::kFull;
  incident.spec.approvals = {{"contain", true, "eve", "ok", kNow}};
  REQUIRE(store.create(incident, std::chrono::milliseconds(1)));
}

World::~World() = default;

ControlWorld World::surroundings() {
  return {.store = store,
          .update_decisions =
              [this](const Incident& incident) {
                before_write();
                return store.update_decisions(incident);
              },
          .domains = [this] { return domains; },
          .playbooks = [] { return std::vector<std::string>{"isolate", "rebuild"}; },
          .name_of_user = [](std::uint32_t uid) { return uid == 0 ? "root" : "uid " + std::to_string(uid); },
          .clock = clock,
          .own_uid = kOwnUid};
}

net::HttpResponse World::send(const std::string& method, const std::string& target, const std::string& body,
                              const std::string& type) const {
  net::ServerRequest request;
  request.method = method;
  request.target = target;
  const std::size_t question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  if (question < target.size()) request.query = target.substr(question + 1);
  request.body = body;
  const bool is_patch = method == "PATCH";
  const char* usual = is_patch ? "application/json-patch+json" : "application/json";
  if (!body.empty()) request.headers.add("Content-Type", type.empty() ? usual : type);
  request.peer_uid = peer_uid;
  return api.answer(request);
}

json World::ask(const std::string& method, const std::string& target, const std::string& body) const {
  const auto response = send(method, target, body);
  INFO(response.body);
  REQUIRE(response.status < 300);
  return parse_json(response.body).value();
}

Incident World::stored() const {
  return *store.cached(kIncidentName);
}

std::string World::version() const {
  return stored().resource_version;
}

}  // namespace kintsugi::host
