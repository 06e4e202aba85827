// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the control API run in.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/time.h"
#include "host/control/control_api.h"
#include "host/control/testing/memory_store.h"
#include "model/incident_json.h"

namespace kintsugi::host {
using nlohmann::json;

inline constexpr std::uint32_t kOwnUid = 77;
inline const WallTime kNow = *parse_rfc3339("2026-01-01T00:10:00Z");
inline const TargetRef kTarget{"Domain", "host", "web-1", "0c8b6d1e-uuid"};
inline const std::string kIncidentName = incident_name(kTarget, 1);
inline const std::string kIncidents = "/apis/kintsugi.dev/v1alpha1/namespaces/host/incidents";
inline const std::string kIncident = kIncidents + "/" + kIncidentName;

/// A host with two domains and an incident about the first of them, which waits for a person.
struct World {
  MemoryStore store;
  ManualClock clock{kNow};
  Result<std::vector<DomainEntry>> domains = std::vector<DomainEntry>{{"web-1", "0c8b6d1e-uuid", true, true},
                                                                      {"left alone", "uuid-2", false, false}};
  std::function<void()> before_write = [] {};  ///< what somebody else does between read and write
  std::uint32_t peer_uid = 0;
  ControlApi api{ControlWorld{
      .store = store,
      .update_decisions =
          [this](const Incident& incident) {
            before_write();
            return store.update_decisions(incident);
          },
      .domains = [this] { return domains; },
      .playbooks = [] { return std::vector<std::string>{"isolate", "rebuild"}; },
      .name_of_user = [](std::uint32_t uid) { return uid == 0 ? "root" : "uid " + std::to_string(uid); },
      .clock = clock,
      .own_uid = kOwnUid}};

  World() {
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

  net::HttpResponse send(const std::string& method, const std::string& target, const std::string& body = "",
                         const std::string& type = "") const {
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
  json ask(const std::string& method, const std::string& target, const std::string& body = "") const {
    const auto response = send(method, target, body);
    INFO(response.body);
    REQUIRE(response.status < 300);
    return json::parse(response.body);
  }
  Incident stored() const { return *store.cached(kIncidentName); }
  std::string version() const { return stored().resource_version; }
};

}  // namespace kintsugi::host
