// SPDX-License-Identifier: Apache-2.0
#include "incidents/kubernetes_store.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "k8s-client/core/resource_version.h"
#include "k8s-client/runtime/client_adapters.h"
#include "k8s-client/runtime/informer.h"
#include "model/incident_json.h"

namespace kintsugi::incidents {
namespace {

using nlohmann::json;

constexpr k8s::Resource kIncidents{"kintsugi.dev", "v1alpha1", "incidents", "Incident"};
/// What incidents are found by.
struct Index {
  const char* name;
  const std::string& (*key)(const Incident& incident);
};
using Key = const std::string&;
constexpr Index kByTarget{"target", [](const Incident& incident) -> Key { return incident.spec.target.uid; }};
constexpr Index kByOwner{"owner", [](const Incident& incident) -> Key { return incident.spec.owner.uid; }};
constexpr Index kByNamespace{"namespace",
                             [](const Incident& incident) -> Key { return incident.spec.target.name_space; }};

/// An incident fits the API server's own limit for a request; more than that did not come from there.
constexpr DocumentLimits kIncidentLimits{3u << 20, 64, 200'000};

struct StoredIncident : k8s::Object {
  IncidentStore::Pointer incident;
};

Result<StoredIncident> project(k8s::RawJson raw) {
  auto object = parse_json(raw.text, kIncidentLimits);
  if (!object) return tl::unexpected(std::move(object).error());
  StoredIncident stored;
  stored.incident = std::make_shared<const Incident>(stored_incident_from_json(*object));
  return stored;
}

std::string describe(const std::string& name) {
  return "incident " + name;
}

}  // namespace

struct KubernetesIncidentStore::Impl {
  Impl(k8s::Client& api, std::string where, const Clock& clock, Logger& log, std::uint64_t jitter)
      : client(api),
        name_space(std::move(where)),
        source(client, kIncidents, name_space),
        informer(source, project, options(jitter), clock, log) {
    for (const Index& index : {kByTarget, kByOwner, kByNamespace}) {
      informer.add_index(index.name, [key = index.key](const StoredIncident& stored) {
        return std::vector{key(*stored.incident)};
      });
    }
    informer.add_handler([this](const k8s::Change<StoredIncident>& change) { on_change(change); });
  }

  static k8s::InformerOptions options(std::uint64_t jitter) {
    k8s::InformerOptions options;
    options.name = "incidents";
    options.list_watch.seed = jitter;
    return options;
  }

  k8s::ObjectKey key(const std::string& name) const { return {name_space, name}; }

  void on_change(const k8s::Change<StoredIncident>& change) {
    const Incident& incident = *change.object().incident;
    for (const auto& callback : subscribers) callback(incident.name);
  }

  static bool is_newer(const Incident& left, const Incident& right) {
    const auto order = k8s::compare_resource_versions(left.resource_version, right.resource_version);
    return order && *order > 0;
  }

  static Pointer newer(Pointer own, Pointer seen) {
    if (own == nullptr || seen == nullptr) return own == nullptr ? seen : own;
    return is_newer(*own, *seen) ? own : seen;
  }

  /// The answers that the informer has not caught up with. To be asked before the informer's copy is read:
  /// what the informer sees in between is in that copy then. An answer that it has seen is forgotten, also
  /// where the object is not in its copy: then it was deleted since, perhaps while the watch was interrupted.
  std::map<std::string, Pointer> unseen() const {
    std::lock_guard lock(mutex);
    std::erase_if(answered,
                  [this](const auto& own) { return informer.has_seen(own.second->resource_version); });
    return answered;
  }

  Pointer unseen(const std::string& name) const {
    std::lock_guard lock(mutex);
    const auto own = answered.find(name);
    if (own == answered.end()) return nullptr;
    if (!informer.has_seen(own->second->resource_version)) return own->second;
    answered.erase(own);
    return nullptr;
  }

  /// By name.
  std::vector<Pointer> find(const Index& index, const std::string& key) const {
    std::map<std::string, Pointer> found = unseen();
    std::erase_if(found, [&](const auto& own) { return index.key(*own.second) != key; });
    for (const auto& stored : informer.by_index(index.name, key)) {
      Pointer& incident = found[stored->incident->name];
      incident = newer(incident, stored->incident);
    }
    std::vector<Pointer> incidents;
    incidents.reserve(found.size());
    for (auto& [name, incident] : found) incidents.push_back(std::move(incident));
    return incidents;
  }

  /// Reads an answer of the API server and remembers it as the latest that this process knows.
  Result<Incident> keep(k8s::ApiResult<json> answer) {
    if (!answer) return fail(answer.error());
    Incident incident = stored_incident_from_json(*answer);
    const auto stored = std::make_shared<const Incident>(incident);
    std::lock_guard lock(mutex);
    if (!informer.has_seen(incident.resource_version)) {
      Pointer& known = answered[incident.name];
      known = newer(known, stored);
    }
    return incident;
  }

  k8s::Client& client;
  const std::string name_space;
  k8s::ClientListWatchSource source;
  k8s::Informer<StoredIncident> informer;
  std::vector<std::function<void(const std::string&)>> subscribers;
  mutable std::mutex mutex;
  mutable std::map<std::string, Pointer> answered;  ///< guarded; see unseen()
};

KubernetesIncidentStore::KubernetesIncidentStore(k8s::Client& client, std::string name_space,
                                                 const Clock& clock, Logger& log, std::uint64_t jitter)
    : impl_(std::make_unique<Impl>(client, std::move(name_space), clock, log, jitter)) {}

KubernetesIncidentStore::~KubernetesIncidentStore() = default;

void KubernetesIncidentStore::run(std::stop_token stop) {
  impl_->informer.run(std::move(stop));
}

Result<void> KubernetesIncidentStore::wait_for_sync(MonotonicTime deadline, std::stop_token stop) const {
  return impl_->informer.wait_for_sync(deadline, std::move(stop));
}

Result<Incident> KubernetesIncidentStore::create(const Incident& incident,
                                                 std::chrono::milliseconds timeout) {
  k8s::CallOptions call;
  call.priority = net::Priority::kContainment;
  call.timeout = timeout;
  json object = to_json(incident);
  object.erase("status");  // the API server drops it on create
  return impl_->keep(impl_->client.create(kIncidents, impl_->name_space, object, call));
}

Result<Incident> KubernetesIncidentStore::get(const std::string& name) {
  return impl_->keep(impl_->client.get(kIncidents, impl_->key(name)));
}

Result<Incident> KubernetesIncidentStore::update_status(const Incident& incident) {
  json object = {{"apiVersion", kApiVersion},
                 {"kind", "Incident"},
                 {"metadata",
                  {{"name", incident.name},
                   {"namespace", impl_->name_space},
                   {"resourceVersion", incident.resource_version},
                   {"uid", incident.uid}}},
                 {"status", status_to_json(incident)}};
  // PUT replaces the main object's spec nowhere: the subresource takes the status alone.
  return impl_->keep(impl_->client.update_status(kIncidents, impl_->key(incident.name), object));
}

Result<void> KubernetesIncidentStore::hold_finalizer(const Incident& incident) {
  auto live = impl_->client.get(kIncidents, impl_->key(incident.name));
  if (!live) return fail(live.error());
  json finalizers = live->at("metadata").value("finalizers", json::array());
  if (std::find(finalizers.begin(), finalizers.end(), kLedgerFinalizer) != finalizers.end()) return {};
  finalizers.push_back(kLedgerFinalizer);
  k8s::JsonPatch patch;
  patch.test("/metadata/uid", incident.uid);
  patch.test("/metadata/resourceVersion", live->at("metadata").at("resourceVersion"));
  patch.add("/metadata/finalizers", finalizers);
  auto kept = impl_->keep(impl_->client.patch(kIncidents, impl_->key(incident.name), patch));
  if (!kept) return fail(std::move(kept).error().on(describe(incident.name)));
  return {};
}

Result<void> KubernetesIncidentStore::release_finalizer(const Incident& incident) {
  auto live = impl_->client.get(kIncidents, impl_->key(incident.name));
  if (!live) return live.error().code == ErrorCode::kNotFound ? Result<void>() : fail(live.error());
  const json finalizers = live->at("metadata").value("finalizers", json::array());
  const auto ours = std::find(finalizers.begin(), finalizers.end(), kLedgerFinalizer);
  if (ours == finalizers.end() || live->at("metadata").value("uid", "") != incident.uid) return {};
  const std::string pointer = "/metadata/finalizers/" + std::to_string(ours - finalizers.begin());
  k8s::JsonPatch patch;
  patch.test("/metadata/uid", incident.uid);
  patch.test(pointer, kLedgerFinalizer);
  patch.remove(pointer);
  auto patched = impl_->client.patch(kIncidents, impl_->key(incident.name), patch);
  if (!patched && patched.error().code != ErrorCode::kNotFound) {
    return fail(make_error(patched.error().code, patched.error().message).on(describe(incident.name)));
  }
  return {};
}

Result<void> KubernetesIncidentStore::remove(const Incident& incident) {
  k8s::DeleteOptions options;
  options.uid = incident.uid;
  options.resource_version = incident.resource_version;
  auto removed = impl_->client.remove(kIncidents, impl_->key(incident.name), options);
  if (!removed && removed.error().code != ErrorCode::kNotFound) return fail(removed.error());
  return {};
}

IncidentStore::Pointer KubernetesIncidentStore::cached(const std::string& name) const {
  Pointer own = impl_->unseen(name);
  const auto stored = impl_->informer.get(impl_->key(name));
  return Impl::newer(std::move(own), stored == nullptr ? nullptr : stored->incident);
}

std::vector<IncidentStore::Pointer> KubernetesIncidentStore::of_target(const std::string& target_uid) const {
  std::vector<Pointer> generations = impl_->find(kByTarget, target_uid);
  // By age of the name: a longer number is a higher one.
  std::stable_sort(generations.begin(), generations.end(),
                   [](const Pointer& a, const Pointer& b) { return a->name.size() < b->name.size(); });
  return generations;
}

std::vector<IncidentStore::Pointer> KubernetesIncidentStore::of_owner(const std::string& owner_uid) const {
  return impl_->find(kByOwner, owner_uid);
}

std::vector<IncidentStore::Pointer> KubernetesIncidentStore::of_namespace(
    const std::string& name_space) const {
  return impl_->find(kByNamespace, name_space);
}

std::vector<IncidentStore::Pointer> KubernetesIncidentStore::list() const {
  std::map<std::string, Pointer> own = impl_->unseen();
  const auto seen = impl_->informer.list();
  std::vector<Pointer> all;
  all.reserve(seen.size() + own.size());
  for (const auto& stored : seen) {
    const auto written = own.extract(stored->incident->name);
    all.push_back(Impl::newer(written ? written.mapped() : nullptr, stored->incident));
  }
  for (auto& [name, incident] : own) all.push_back(std::move(incident));
  return all;
}

void KubernetesIncidentStore::subscribe(std::function<void(const std::string& name)> changed) {
  impl_->subscribers.push_back(std::move(changed));
}

}  // namespace kintsugi::incidents
