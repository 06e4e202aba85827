// SPDX-License-Identifier: Apache-2.0
#include "controller/preparation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "base/time.h"
#include "k8s-client/client/config_map.h"
#include "targets/isolation/isolation_proof.h"
#include "targets/kubernetes/redeployment.h"

namespace kintsugi::controller {
namespace {

using nlohmann::json;

constexpr const char* kReadinessConfigMap = "kintsugi-readiness";
constexpr std::chrono::minutes kLookAgain{10};
constexpr std::chrono::seconds kPrepareTimeout{60};
constexpr std::size_t kMaxMessage = 700;

/// A key of ConfigMap data may hold neither "/" nor more than 253 characters.
std::string data_key(const std::string& key) {
  std::string out = key;
  std::replace(out.begin(), out.end(), '/', '.');
  return out.substr(0, 253);
}

json to_json(const Readiness& readiness, WallTime now) {
  return {{"containable", readiness.containable},
          {"containableReason", readiness.containable_reason},
          {"containableMessage", escape(readiness.containable_message, kMaxMessage)},
          {"prepared", readiness.prepared},
          {"preparedReason", readiness.prepared_reason},
          {"preparedMessage", escape(readiness.prepared_message, kMaxMessage)},
          {"time", format_seconds(now)}};
}

bool is_protected(const targets::ClusterCache& cache, const std::string& name_space) {
  const auto found = cache.name_space(name_space);
  if (found == nullptr) return false;
  const auto label = found->labels.find(targets::kProtectedLabel);
  return label != found->labels.end() && label->second == "true" && !found->being_deleted;
}

}  // namespace

Preparation::Preparation(World& world, k8s::Client& client)
    : world_(world), client_(client), queue_(world.clock) {}

void Preparation::touch(const std::string& name_space, const std::string& deployment) {
  queue_.add(name_space + "/" + deployment, k8s::WorkPriority::kHousekeeping);
}

void Preparation::touch_namespace(const std::string& name_space) {
  for (const auto& deployment : world_.cache.deployments(name_space))
    touch(name_space, deployment->meta.name);
}

void Preparation::touch_all() {
  for (const std::string& name_space : world_.cache.protected_namespaces()) touch_namespace(name_space);
}

void Preparation::run() {
  const auto reconcile = [this](const std::string& key, MonotonicTime) { return prepare(key); };
  k8s::run_worker(queue_, reconcile, kPrepareTimeout, world_.clock, world_.log);
}

void Preparation::shut_down() {
  queue_.shut_down();
}

Preparation::Counts Preparation::counts() const {
  Counts counts;
  std::lock_guard lock(mutex_);
  for (const auto& [key, readiness] : known_) {
    ++counts.by[readiness.containable][readiness.prepared];
  }
  return counts;
}

k8s::ReconcileResult Preparation::prepare(const std::string& key) {
  if (!world_.leadership.leads()) return std::nullopt;
  const std::string name_space = key.substr(0, key.find('/'));
  const auto deployment = world_.cache.deployment(name_space, key.substr(key.find('/') + 1));
  if (deployment == nullptr || !is_protected(world_.cache, name_space)) {
    if (auto published = publish(key, std::nullopt); !published)
      return tl::unexpected(std::move(published).error());
    return std::nullopt;
  }
  if (world_.book.cluster_cap() > Mode::kObserve) {
    targets::ApplyOptions options;
    options.priority = net::Priority::kBackground;
    if (auto policy = world_.target.ensure_quarantine_policy(name_space, options); !policy) {
      return tl::unexpected(std::move(policy).error());
    }
  }
  if (auto published = publish(key, assess(*deployment)); !published)
    return tl::unexpected(std::move(published).error());
  return kLookAgain;
}

Readiness Preparation::assess(const targets::Deployment& deployment) {
  const auto known = world_.cache.network_policies(deployment.meta.name_space);
  std::vector<const isolation::NetworkPolicy*> policies;
  for (const auto& policy : known.policies) policies.push_back(policy.get());
  const isolation::IsolationProof proof = isolation::prove_containability(
      {deployment.meta.name_space, deployment.template_labels, deployment.template_facts}, {},
      {policies, known.unreadable}, world_.book.network_facts());
  Readiness readiness;
  readiness.containable = proof.isolated;
  readiness.containable_reason = proof.reason();
  readiness.containable_message = proof.message();
  for (const isolation::Exclusion& exclusion : proof.exclusions) {
    readiness.containable_message += "; " + exclusion.advice;
  }
  std::vector<TrustedImage> accepted;
  for (const ImageAnswer& answer : world_.trust.prepare(deployment, {})) {
    if (answer.image) {
      accepted.push_back(*answer.image);
    } else if (readiness.prepared_reason.empty()) {
      readiness.prepared_reason = answer.reason;
      readiness.prepared_message = answer.message;
    }
  }
  readiness.prepared = targets::is_prepared(deployment, accepted);
  if (readiness.prepared) {
    readiness.prepared_reason = "TemplateAccepted";
    readiness.prepared_message = "the template names accepted digests";
  } else if (readiness.prepared_reason.empty()) {
    readiness.prepared_reason = "NotPinned";
    readiness.prepared_message =
        "the template names no digest; what its tags point to now is accepted: a breach will pin it";
  }
  return readiness;
}

Result<void> Preparation::publish(const std::string& key, const std::optional<Readiness>& readiness) {
  {
    std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    const bool same =
        readiness ? found != known_.end() && found->second == *readiness : found == known_.end();
    if (same) return {};
    if (readiness) {
      known_.insert_or_assign(key, *readiness);
    } else {
      known_.erase(found);
    }
  }
  const k8s::ObjectKey config_map{world_.settings.name_space, kReadinessConfigMap};
  auto written = readiness ? k8s::put_config_map_entry(client_, config_map, data_key(key),
                                                       to_json(*readiness, world_.clock.now()).dump())
                           : k8s::remove_config_map_entry(client_, config_map, data_key(key));
  if (!written) return fail(written.error());
  return {};
}

}  // namespace kintsugi::controller
