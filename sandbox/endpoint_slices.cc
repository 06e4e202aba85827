// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "sandbox/workload_controllers.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

constexpr const char* kServiceName = "kubernetes.io/service-name";

json to_endpoint(const json& pod) {
  const bool ready = has_condition(pod, "Ready");
  const bool terminating = is_being_deleted(pod);
  return {
      {"addresses", {text(pod, {"status", "podIP"})}},
      {"conditions", {{"ready", ready && !terminating}, {"serving", ready}, {"terminating", terminating}}},
      {"nodeName", text(pod, {"spec", "nodeName"})},
      {"targetRef",
       {{"kind", "Pod"}, {"name", name_of(pod)}, {"namespace", namespace_of(pod)}, {"uid", uid_of(pod)}}}};
}

/// The number of a port that a service names, in the first pod that has it.
json target_port(const json& service_port, const std::vector<Object>& pods) {
  const json& target = field(service_port, {"targetPort"});
  if (target.is_number_integer()) return target;
  if (target.is_null()) return field(service_port, {"port"});
  for (const Object& pod : pods)
    for (const auto& container : field(*pod, {"spec", "containers"}))
      for (const auto& port : field(container, {"ports"}))
        if (field(port, {"name"}) == target) return field(port, {"containerPort"});
  return nullptr;
}

json to_ports(const json& service, const std::vector<Object>& pods) {
  json ports = json::array();
  for (const auto& port : field(service, {"spec", "ports"})) {
    json number = target_port(port, pods);
    if (number.is_null()) continue;
    ports.push_back({{"name", text(port, {"name"})},
                     {"port", std::move(number)},
                     {"protocol", text(port, {"protocol"})}});
  }
  return ports;
}

/// The pods behind a service that have an address.
std::vector<Object> pods_of(const ObjectStore& store, const json& service) {
  const LabelSelector selector{string_map(service, {"spec", "selector"}), {}};
  std::vector<Object> pods = store.all(k8s::kPods, namespace_of(service));
  std::erase_if(pods, [&](const Object& pod) {
    return !selector.matches(labels_of(*pod)) || text(*pod, {"status", "podIP"}).empty() ||
           text(*pod, {"status", "phase"}) != "Running";
  });
  return pods;
}

Object find_slice(const ObjectStore& store, const json& service) {
  for (const Object& slice : store.all(k8s::kEndpointSlices, namespace_of(service)))
    if (controller_uid(*slice) == uid_of(service)) return slice;
  return nullptr;
}

void reconcile(ObjectStore& store, const json& service) {
  const std::vector<Object> pods = pods_of(store, service);
  json endpoints = json::array();
  for (const Object& pod : pods) endpoints.push_back(to_endpoint(*pod));
  json ports = to_ports(service, pods);
  if (const Object slice = find_slice(store, service)) {
    (void)store.edit(k8s::kEndpointSlices, key_of(*slice), [&](json& next) {
      next["endpoints"] = std::move(endpoints);
      next["ports"] = std::move(ports);
      return std::nullopt;
    });
    return;
  }
  json slice{{"metadata",
              {{"generateName", name_of(service) + "-"},
               {"labels",
                {{kServiceName, name_of(service)},
                 {"endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io"}}},
               {"ownerReferences", json::array({owner_reference(service)})}}},
             {"addressType", "IPv4"},
             {"endpoints", std::move(endpoints)},
             {"ports", std::move(ports)}};
  (void)store.create(k8s::kEndpointSlices, namespace_of(service), std::move(slice));
}

}  // namespace

void reconcile_endpoint_slices(ObjectStore& store) {
  for (const Object& service : store.all(k8s::kServices))
    if (!is_being_deleted(*service) && !field(*service, {"spec", "selector"}).empty())
      reconcile(store, *service);
}

}  // namespace kintsugi::sandbox
