// SPDX-License-Identifier: Apache-2.0
#include "host/control/incident_object.h"

#include <nlohmann/json.hpp>

#include "base/time.h"
#include "model/incident_json.h"

namespace kintsugi::host {

using nlohmann::json;

json to_object(const Incident& incident, const std::string& name_space) {
  json object = to_json(incident);
  json& metadata = object["metadata"];
  metadata["namespace"] = name_space;
  metadata["creationTimestamp"] = format_seconds(incident.created);
  if (incident.generation != 0) metadata["generation"] = incident.generation;
  // When the deletion began is not kept; that it did is what readers look for.
  if (incident.being_deleted) metadata["deletionTimestamp"] = format_seconds(incident.created);
  if (!incident.has_ledger_finalizer) metadata.erase("finalizers");
  return object;
}

Labels labels_of(const Incident& incident) {
  return {{std::string(kTargetUidLabel), incident.spec.target.uid}};
}

}  // namespace kintsugi::host
