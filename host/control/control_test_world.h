// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the control API run in.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "host/control/control_api.h"
#include "host/control/testing/memory_store.h"

namespace kintsugi::host {
using nlohmann::json;

inline constexpr std::uint32_t kOwnUid = 77;
inline constexpr WallTime kNow{std::chrono::seconds(1'767'226'200)};  ///< 2026-01-01T00:10:00Z
inline const TargetRef kTarget{"Domain", "host", "web-1", "0c8b6d1e-uuid"};
inline const std::string kIncidentName = incident_name(kTarget, 1);
inline const std::string kIncidents = "/apis/kintsugi.dev/v1alpha1/namespaces/host/incidents";
inline const std::string kIncident = kIncidents + "/" + kIncidentName;

/// A host with two domains and an incident about the first of them, which waits for a person.
struct World {
  MemoryStore store;
  ManualClock clock{kNow};
  Result<std::vector<DomainEntry>> domains;
  std::function<void()> before_write;  ///< what somebody else does between read and write
  std::uint32_t peer_uid = 0;
  ControlApi api;

  World();
  ~World();

  net::HttpResponse send(const std::string& method, const std::string& target, const std::string& body = "",
                         const std::string& type = "") const;
  json ask(const std::string& method, const std::string& target, const std::string& body = "") const;
  Incident stored() const;
  std::string version() const;

 private:
  ControlWorld surroundings();
};

}  // namespace kintsugi::host
