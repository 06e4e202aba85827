// SPDX-License-Identifier: Apache-2.0
//
// What tests are built from: API objects, playbooks, events; and how they are read again.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace kintsugi::support {

// ---- objects ---------------------------------------------------------------------------------------------

/// Pods wear `app: <name>`; one container of that name with the port 8080, named http.
nlohmann::json deployment(const std::string& name, const std::string& image, int replicas);
nlohmann::json bare_pod(const std::string& name, const std::string& image);
nlohmann::json service(const std::string& name);
/// `spec` is JSON text.
nlohmann::json network_policy(const std::string& name, const std::string& spec);

/// A Playbook for Falco's events, as YAML. Steps are flow mappings; an empty one leaves the step out.
struct PlaybookText {
  std::string name = "breach";
  std::string mode = "full";
  std::string rule = "Terminal shell in container";  ///< a glob
  std::string targets = "{}";
  std::string guards = "{}";
  std::string contain = "{}";
  std::string collect = "{deadlineSeconds: 2}";
  std::string redeploy = "{trustPolicy: release-images}";
  std::string verify = "{readySeconds: 30, quietSeconds: 1}";
  std::string release{};

  std::string to_yaml() const;
};

/// A TrustPolicy for the images that match `glob`, signed by the holder of `key` (PEM).
std::string trust_policy_text(const std::string& name, const std::string& glob, const std::string& key);

/// Falco's event about a pod, from its JSON, `ago` before now.
nlohmann::json falco_event(const nlohmann::json& pod, std::chrono::nanoseconds ago = {});

// ---- reading ---------------------------------------------------------------------------------------------

std::string name_of(const nlohmann::json& object);
std::string uid_of(const nlohmann::json& object);
nlohmann::json labels_of(const nlohmann::json& object);
nlohmann::json annotations_of(const nlohmann::json& object);
bool is_ready(const nlohmann::json& pod);
bool is_being_deleted(const nlohmann::json& object);
bool is_quarantined(const nlohmann::json& pod);
/// What must not change about a pod that is none of ours: UID, labels, owners, spec, restarts.
nlohmann::json identity_of(const nlohmann::json& pod);

/// A condition of an Incident; null where it has none of that type.
nlohmann::json condition_of(const nlohmann::json& incident, const std::string& type);
/// "True", "False", "Unknown", or "" where there is none.
std::string condition_status(const nlohmann::json& incident, const std::string& type);
std::string condition_reason(const nlohmann::json& incident, const std::string& type);
std::string condition_message(const nlohmann::json& incident, const std::string& type);
/// A text of the status: "stage", "awaiting", "outcome", …; "" where there is none.
std::string status_text(const nlohmann::json& incident, const std::string& key);
/// A stamp of status.times.
std::optional<WallTime> time_of(const nlohmann::json& incident, const std::string& key);
/// How many entries of the timeline contain `text`.
std::size_t count_in_timeline(const nlohmann::json& incident, const std::string& text);
/// The entries of the journal with this state ("planned", "applied", …), "id" only.
std::vector<std::string> journal_ids(const nlohmann::json& incident, const std::string& state);

}  // namespace kintsugi::support
