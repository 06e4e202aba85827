// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "sandbox/controllers.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

json to_endpoint(const json& pod) {
  return {
      {"addresses", {text(pod, {"status", "podIP"})}},
      {"conditions", {{"ready", is_ready(pod) && !is_being_deleted(pod)}}},
      {"targetRef",
       {{"kind", "Pod"}, {"name", name_of(pod)}, {"namespace", namespace_of(pod)}, {"uid", uid_of(pod)}}}};
}

/// Of the pods behind a service that have an address.
json to_endpoints(const ObjectStore& store, const json& service) {
  const Selection selection{namespace_of(service), string_map(service, {"spec", "selector"}), {}};
  json endpoints = json::array();
  for (const Object& pod : store.list(k8s::kPods, selection).objects)
    if (!text(*pod, {"status", "podIP"}).empty()) endpoints.push_back(to_endpoint(*pod));
  return endpoints;
}

void reconcile(ObjectStore& store, const json& service) {
  json endpoints = to_endpoints(store, service);
  for (const Object& slice : store.all(k8s::kEndpointSlices, namespace_of(service))) {
    if (controller_uid(*slice) != uid_of(service)) continue;
    (void)store.edit(k8s::kEndpointSlices, key_of(*slice),
                     [&](json& next) { next["endpoints"] = std::move(endpoints); });
    return;
  }
  (void)store.create(k8s::kEndpointSlices, namespace_of(service),
                     {{"metadata",
                       {{"generateName", name_of(service) + "-"},
                        {"labels", {{"kubernetes.io/service-name", name_of(service)}}},
                        {"ownerReferences", json::array({owner_reference(service)})}}},
                      {"addressType", "IPv4"},
                      {"endpoints", std::move(endpoints)}});
}

}  // namespace

void reconcile_endpoint_slices(ObjectStore& store) {
  for (const Object& service : store.all(k8s::kServices))
    if (!is_being_deleted(*service) && !field(*service, {"spec", "selector"}).empty())
      reconcile(store, *service);
}

}  // namespace kintsugi::sandbox
