// SPDX-License-Identifier: Apache-2.0
//
// Incident ⇄ the JSON of incidents.kintsugi.dev/v1alpha1.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"
#include "model/incident.h"

namespace kintsugi {

inline constexpr std::string_view kApiVersion = "kintsugi.dev/v1alpha1";
inline constexpr std::string_view kLedgerFinalizer = "kintsugi.dev/ledger";
/// On every incident, so that those of a target are found with one indexed lookup.
inline constexpr std::string_view kTargetUidLabel = "kintsugi.dev/target-uid";
/// Annotation: Incident::opener.
inline constexpr const char* kOpenerAnnotation = "kintsugi.dev/opener";

/// The whole object: metadata that we own, spec and status.
nlohmann::json to_json(const Incident& incident);
/// `status` alone, with the derived stage, as it is written to the subresource.
nlohmann::json status_to_json(const Incident& incident);

/// Reads an object of the API server. What is missing takes its default; a field of a wrong type, an unknown
/// word in an enumeration or a target without kind, namespace, name and UID is an error that names the field:
/// incidents can be written by hand.
Result<Incident> incident_from_json(const nlohmann::json& object);

/// The same for what is stored already: what cannot be read becomes an incident that has its metadata and
/// `problem`.
Incident stored_incident_from_json(const nlohmann::json& object);

}  // namespace kintsugi
