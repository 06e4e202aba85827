// SPDX-License-Identifier: Apache-2.0
#include "floors.h"

#include <nlohmann/json.hpp>

#include "targets/kubernetes/containment.h"

namespace kintsugi::bench {
namespace {

using nlohmann::json;

json without_history(json incident) {
  incident.erase("status");
  json metadata{{"labels", incident["metadata"].value("labels", json::object())}};
  incident["metadata"] = std::move(metadata);
  return incident;
}

std::string incident_name(const Victim& victim) {
  return "inc-" + victim.uid + "-1";
}

}  // namespace

Floors::Floors(Cluster& cluster, const json& incident)
    : cluster_(cluster), incident_(without_history(incident).dump()) {}

std::string Floors::release(const Victim& victim) {
  const auto pod = targets::pod_from(from_json(victim.pod));
  if (!pod) return pod.error().to_string();
  const Action action = targets::plan_isolation(*pod, incident_name(victim), "");
  bool may_be_done = false;
  const auto patched = insistently([&] {
    auto result = cluster_.client().patch_text(k8s::kPods, {cluster_.shop(), victim.name}, action.body, "",
                                               patiently());
    may_be_done = may_be_done || (!result && result.error().outcome_unknown);
    return result;
  });
  if (patched || (may_be_done && patched.error().is_failed_patch_test())) return {};
  return patched.error().to_string();
}

std::string Floors::create_and_release(const Victim& victim) {
  json incident = json::parse(incident_);
  incident["metadata"]["name"] = incident_name(victim);
  incident["spec"]["target"]["uid"] = victim.uid;
  incident["spec"]["target"]["name"] = victim.name;
  const auto created = insistently(
      [&] { return cluster_.client().create(kIncidents, cluster_.floor(), incident, patiently()); });
  if (!created && created.error().code != ErrorCode::kAlreadyExists) return created.error().to_string();
  return release(victim);
}

}  // namespace kintsugi::bench
