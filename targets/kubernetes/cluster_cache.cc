// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/cluster_cache.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

#include "k8s-client/runtime/client_adapters.h"
#include "k8s-client/runtime/informer.h"

namespace kintsugi::targets {
namespace {

constexpr const char* kByController = "controller";
constexpr const char* kByContainer = "container";
constexpr const char* kByNamespace = "namespace";
constexpr const char* kByQuarantine = "quarantine";
constexpr const char* kByPod = "pod";
constexpr const char* kByProtection = "protection";

/// What the shortest id that sensors send (Falco's container.id) and all longer ones have in common.
constexpr std::size_t kContainerKeyLength = 12;
constexpr std::size_t kMaxDeparted = 2000;
/// A page is in memory as a whole while it is read, once for each collection: smaller ones keep the peak low.
constexpr std::uint32_t kPageSize = 200;

/// API objects are bounded by etcd's own limit; a pod with thousands of variables is still one of them.
constexpr DocumentLimits kObjectLimits{3u << 20, 64, 200'000};

template <class T>
struct Cached : k8s::Object {
  std::shared_ptr<const T> value;
};

template <class T>
using Reader = Result<T> (*)(const Node&);

template <class T>
k8s::Projection<Cached<T>> projection(Reader<T> read) {
  return [read](k8s::RawJson raw) -> Result<Cached<T>> {
    const auto document = parse_json_document(raw.text, kObjectLimits);
    if (!document) return tl::unexpected(document.error());
    auto value = read(*document);
    if (!value) return tl::unexpected(std::move(value).error());
    Cached<T> cached;
    cached.value = std::make_shared<const T>(std::move(*value));
    return cached;
  };
}

/// A policy that cannot be read must not vanish: it may allow anything.
struct PolicyOrError {
  std::string name_space;
  std::shared_ptr<const isolation::NetworkPolicy> policy;
  std::optional<Error> error;
};

Result<PolicyOrError> policy_from(const Node& object) {
  auto policy = isolation::read_network_policy(object);
  PolicyOrError read;
  if (policy) {
    read.name_space = policy->name_space;
    read.policy = std::make_shared<const isolation::NetworkPolicy>(std::move(*policy));
    return read;
  }
  const Node* metadata = object.find("metadata");
  const Node* name_space = metadata == nullptr ? nullptr : metadata->find("namespace");
  if (name_space == nullptr) return tl::unexpected(std::move(policy).error());
  read.name_space = name_space->text;
  read.error = std::move(policy).error();
  return read;
}

std::string bare_container_id(const std::string& id) {
  const std::size_t scheme = id.find("://");
  return scheme == std::string::npos ? id : id.substr(scheme + 3);
}

std::vector<std::string> container_ids(const Pod& pod) {
  std::vector<std::string> ids;
  for (const Container& container : pod.containers) {
    for (const std::string* id : {&container.container_id, &container.last_container_id}) {
      std::string bare = bare_container_id(*id);
      if (bare.size() >= kContainerKeyLength) ids.push_back(std::move(bare));
    }
  }
  return ids;
}

std::vector<std::string> container_keys(const Cached<Pod>& pod) {
  std::vector<std::string> keys = container_ids(*pod.value);
  for (std::string& key : keys) key.resize(kContainerKeyLength);
  return keys;
}

bool has_container(const Pod& pod, const std::string& prefix) {
  for (const std::string& id : container_ids(pod)) {
    if (id.starts_with(prefix)) return true;
  }
  return false;
}

template <class T>
std::vector<std::string> by_controller(const Cached<T>& object) {
  return {object.value->meta.controller.uid};
}

template <class T>
std::vector<std::string> by_namespace(const Cached<T>& object) {
  return {object.value->meta.name_space};
}

template <class T>
std::vector<std::shared_ptr<const T>> values(const std::vector<std::shared_ptr<const Cached<T>>>& cached) {
  std::vector<std::shared_ptr<const T>> out;
  out.reserve(cached.size());
  for (const auto& object : cached) out.push_back(object->value);
  return out;
}

/// The pods that are ready before or after the change, and not both.
std::vector<std::string> changed_pods(const k8s::Change<Cached<EndpointSlice>>& change) {
  using Pods = std::vector<EndpointSlice::ReadyPod>;
  const Pods before = change.old == nullptr ? Pods() : change.old->value->ready_pods;
  const Pods now = change.now == nullptr ? Pods() : change.now->value->ready_pods;
  std::vector<std::string> names;
  const auto add_missing = [&](const Pods& from, const Pods& in) {
    for (const auto& pod : from) {
      if (std::find(in.begin(), in.end(), pod) == in.end()) names.push_back(pod.name);
    }
  };
  add_missing(before, now);
  add_missing(now, before);
  return names;
}

template <class T>
ClusterCache::Notice notice_of(const k8s::Change<Cached<T>>& change) {
  return {.is_gone = change.now == nullptr, .from_listing = change.from_listing};
}

/// One watched collection: where it comes from and its copy.
template <class T>
struct Collection {
  Collection(k8s::Client& client, const k8s::Resource& resource, Reader<T> read, const Clock& clock,
             Logger& log, std::uint64_t jitter)
      : source(client, resource, ""),
        informer(source, projection<T>(read), options(resource, jitter), clock, log) {}

  static k8s::InformerOptions options(const k8s::Resource& resource, std::uint64_t jitter) {
    k8s::InformerOptions options;
    options.name = resource.plural;
    options.list_watch.page_size = kPageSize;
    options.list_watch.seed = jitter;
    return options;
  }

  std::shared_ptr<const T> get(const std::string& name_space, const std::string& name) const {
    const auto cached = informer.get({name_space, name});
    return cached == nullptr ? nullptr : cached->value;
  }
  std::vector<std::shared_ptr<const T>> find(const char* index, const std::string& value) const {
    return values<T>(informer.by_index(index, value));
  }

  k8s::ClientListWatchSource source;
  k8s::Informer<Cached<T>> informer;
};

}  // namespace

struct ClusterCache::Impl {
  Impl(k8s::Client& client, const Clock& clock, Logger& log, std::uint64_t jitter)
      : pods(client, k8s::kPods, pod_from, clock, log, jitter),
        replica_sets(client, k8s::kReplicaSets, replica_set_from, clock, log, jitter),
        deployments(client, k8s::kDeployments, deployment_from, clock, log, jitter),
        namespaces(client, k8s::kNamespaces, namespace_from, clock, log, jitter),
        policies(client, k8s::kNetworkPolicies, policy_from, clock, log, jitter),
        slices(client, k8s::kEndpointSlices, endpoint_slice_from, clock, log, jitter),
        services(client, k8s::kServices, service_from, clock, log, jitter) {
    add_indexes();
    add_handlers();
  }

  void add_indexes() {
    pods.informer.add_index(kByController, by_controller<Pod>);
    pods.informer.add_index(kByContainer, container_keys);
    pods.informer.add_index(kByQuarantine, [](const Cached<Pod>& pod) {
      return pod.value->quarantined() ? std::vector{pod.value->meta.name_space} : std::vector<std::string>();
    });
    replica_sets.informer.add_index(kByController, by_controller<ReplicaSet>);
    deployments.informer.add_index(kByNamespace, by_namespace<Deployment>);
    services.informer.add_index(kByNamespace, by_namespace<ServiceInfo>);
    policies.informer.add_index(kByNamespace, [](const Cached<PolicyOrError>& policy) {
      return std::vector{policy.value->name_space};
    });
    slices.informer.add_index(kByPod, [](const Cached<EndpointSlice>& slice) {
      std::vector<std::string> uids;
      for (const auto& pod : slice.value->ready_pods) uids.push_back(pod.uid);
      return uids;
    });
    namespaces.informer.add_index(kByProtection, [](const Cached<NamespaceInfo>& name_space) {
      return name_space.value->is_protected() ? std::vector<std::string>{"true"} : std::vector<std::string>();
    });
  }

  void add_handlers() {
    pods.informer.add_handler([this](const k8s::Change<Cached<Pod>>& change) {
      const Pod& pod = *change.object().value;
      if (change.now == nullptr) remember_departed(change.object().value);
      for (const auto& handler : pod_handlers) handler(pod, notice_of(change));
    });
    deployments.informer.add_handler([this](const k8s::Change<Cached<Deployment>>& change) {
      for (const auto& handler : deployment_handlers) handler(*change.object().value, notice_of(change));
    });
    policies.informer.add_handler([this](const k8s::Change<Cached<PolicyOrError>>& change) {
      for (const auto& handler : namespace_handlers)
        handler(change.object().value->name_space, notice_of(change));
    });
    // A pod that starts or ends to serve has changed, too, though the object Pod has not.
    slices.informer.add_handler([this](const k8s::Change<Cached<EndpointSlice>>& change) {
      const std::string& name_space = change.object().value->meta.name_space;
      for (const std::string& name : changed_pods(change)) {
        const auto pod = pods.get(name_space, name);
        if (pod == nullptr) continue;
        for (const auto& handler : pod_handlers)
          handler(*pod, {.is_gone = false, .from_listing = change.from_listing});
      }
    });
    namespaces.informer.add_handler([this](const k8s::Change<Cached<NamespaceInfo>>& change) {
      for (const auto& handler : namespace_handlers) handler(change.object().value->name, notice_of(change));
    });
  }

  void remember_departed(std::shared_ptr<const Pod> pod) {
    std::lock_guard lock(mutex);
    departed.push_back(std::move(pod));
    if (departed.size() > kMaxDeparted) departed.pop_front();
  }

  template <class F>
  void each_informer(F&& use) {
    use(pods.informer);
    use(replica_sets.informer);
    use(deployments.informer);
    use(namespaces.informer);
    use(policies.informer);
    use(slices.informer);
    use(services.informer);
  }

  std::vector<PodHandler> pod_handlers;
  std::vector<DeploymentHandler> deployment_handlers;
  std::vector<NamespaceHandler> namespace_handlers;
  Collection<Pod> pods;
  Collection<ReplicaSet> replica_sets;
  Collection<Deployment> deployments;
  Collection<NamespaceInfo> namespaces;
  Collection<PolicyOrError> policies;
  Collection<EndpointSlice> slices;
  Collection<ServiceInfo> services;

  mutable std::mutex mutex;
  std::deque<std::shared_ptr<const Pod>> departed;  ///< guarded; the newest last
};

ClusterCache::ClusterCache(k8s::Client& client, const Clock& clock, Logger& log, std::uint64_t jitter)
    : impl_(std::make_unique<Impl>(client, clock, log, jitter)) {}

ClusterCache::~ClusterCache() = default;

void ClusterCache::on_pod(PodHandler handler) {
  impl_->pod_handlers.push_back(std::move(handler));
}
void ClusterCache::on_deployment(DeploymentHandler handler) {
  impl_->deployment_handlers.push_back(std::move(handler));
}
void ClusterCache::on_namespace(NamespaceHandler handler) {
  impl_->namespace_handlers.push_back(std::move(handler));
}

std::vector<std::jthread> ClusterCache::start() {
  std::vector<std::jthread> threads;
  impl_->each_informer([&](k8s::InformerBase& informer) {
    threads.emplace_back([&informer](std::stop_token stop) { informer.run(stop); });
  });
  return threads;
}

Result<void> ClusterCache::wait_for_sync(MonotonicTime deadline, std::stop_token stop) const {
  Result<void> synced;
  impl_->each_informer([&](const k8s::InformerBase& informer) {
    if (synced) synced = informer.wait_for_sync(deadline, stop);
  });
  return synced;
}

std::shared_ptr<const Pod> ClusterCache::pod(const std::string& name_space, const std::string& name) const {
  return impl_->pods.get(name_space, name);
}

std::vector<std::shared_ptr<const Pod>> ClusterCache::pods_by_container(
    const std::string& container_id) const {
  if (container_id.size() < kContainerKeyLength) return {};
  auto pods = impl_->pods.find(kByContainer, container_id.substr(0, kContainerKeyLength));
  std::erase_if(pods, [&](const auto& pod) { return !has_container(*pod, container_id); });
  return pods;
}

std::vector<std::shared_ptr<const Pod>> ClusterCache::pods_controlled_by(const std::string& owner_uid) const {
  return impl_->pods.find(kByController, owner_uid);
}

std::vector<std::shared_ptr<const Pod>> ClusterCache::quarantined_pods(const std::string& name_space) const {
  return impl_->pods.find(kByQuarantine, name_space);
}

std::shared_ptr<const ReplicaSet> ClusterCache::replica_set(const std::string& name_space,
                                                            const std::string& name) const {
  return impl_->replica_sets.get(name_space, name);
}

std::vector<std::shared_ptr<const ReplicaSet>> ClusterCache::replica_sets_controlled_by(
    const std::string& owner_uid) const {
  return impl_->replica_sets.find(kByController, owner_uid);
}

std::shared_ptr<const Deployment> ClusterCache::deployment(const std::string& name_space,
                                                           const std::string& name) const {
  return impl_->deployments.get(name_space, name);
}

std::vector<std::shared_ptr<const Deployment>> ClusterCache::deployments(
    const std::string& name_space) const {
  return impl_->deployments.find(kByNamespace, name_space);
}

std::shared_ptr<const NamespaceInfo> ClusterCache::name_space(const std::string& name) const {
  return impl_->namespaces.get("", name);
}

std::vector<std::string> ClusterCache::protected_namespaces() const {
  std::vector<std::string> names;
  for (const auto& name_space : impl_->namespaces.find(kByProtection, "true"))
    names.push_back(name_space->name);
  return names;
}

ClusterCache::Policies ClusterCache::network_policies(const std::string& name_space) const {
  Policies out;
  for (const auto& read : impl_->policies.find(kByNamespace, name_space)) {
    if (read->error) {
      out.unreadable.push_back(*read->error);
    } else {
      out.policies.push_back(read->policy);
    }
  }
  return out;
}

bool ClusterCache::has_service_for(const std::string& name_space, const Labels& labels) const {
  for (const auto& service : impl_->services.find(kByNamespace, name_space)) {
    if (!service->selector.empty() && LabelSelector{service->selector, {}}.matches(labels)) return true;
  }
  return false;
}

bool ClusterCache::is_serving(const std::string& pod_uid) const {
  return !impl_->slices.informer.by_index(kByPod, pod_uid).empty();
}

std::optional<std::string> ClusterCache::departed_pod(const std::string& name_space, const std::string& name,
                                                      const std::string& container_id) const {
  std::lock_guard lock(impl_->mutex);
  for (auto it = impl_->departed.rbegin(); it != impl_->departed.rend(); ++it) {
    const Pod& pod = **it;
    if (pod.meta.name_space == name_space && pod.meta.name == name && has_container(pod, container_id)) {
      return pod.meta.uid;
    }
  }
  return std::nullopt;
}

}  // namespace kintsugi::targets
