// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/label_selector.h"
#include "model/incident.h"

namespace kintsugi::host {

/// The name of incidents in answers: "incidents.kintsugi.dev".
inline constexpr const char* kIncidentResource = "incidents.kintsugi.dev";

/// The incident as an API server gives it out, in this namespace: with what the server knows of it beside
/// what we write (creationTimestamp, generation, deletionTimestamp).
nlohmann::json to_object(const Incident& incident, const std::string& name_space);

/// The labels that the object has.
Labels labels_of(const Incident& incident);

}  // namespace kintsugi::host
