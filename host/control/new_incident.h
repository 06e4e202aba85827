// SPDX-License-Identifier: Apache-2.0
//
// An incident that a person opens. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "host/control/api_status.h"
#include "host/control/decisions.h"
#include "model/incident.h"

namespace kintsugi::host {

/// A virtual machine, as far as incidents are about it.
struct DomainEntry {
  std::string name;
  std::string uuid;
  bool is_active = false;     ///< it runs, or is paused
  bool is_protected = false;  ///< Kintsugi may act on it
};

/// What a new incident must fit.
struct OpeningRules {
  std::string name_space;  ///< of incidents, and of their targets
  std::vector<DomainEntry> domains;
  std::vector<std::string> playbooks;  ///< names
};

/// Reads the object that is to become an incident: a protected domain by name and UUID, a playbook that is
/// there, why; `metadata.name` is that of a generation of the target (incident_name()). Whatever the object
/// says, it was opened by `person`; a status is passed over. Refusals: 422 with a cause, 400.
Answer<Incident> read_new_incident(const nlohmann::json& object, const OpeningRules& rules,
                                   const Person& person);

}  // namespace kintsugi::host
