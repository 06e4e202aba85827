// SPDX-License-Identifier: Apache-2.0
#include "controller/preparation.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/escape.h"
#include "controller/cluster.h"
#include "controller/kubevirt/machine_steps.h"
#include "controller/target_steps.h"
#include "k8s-client/client/config_map.h"
#include "playbooks/guards.h"
#include "targets/isolation/isolation_proof.h"
#include "targets/kubernetes/containment.h"
#include "targets/kubernetes/redeployment.h"

namespace kintsugi::controller {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kLookAgain{600};
/// By this much at most later, each workload its own: registries are not asked about all of them at once.
constexpr std::chrono::seconds kSpread{120};
constexpr std::chrono::seconds kPrepareTimeout{60};
/// What changes again and again is looked at once in this time.
constexpr std::chrono::seconds kSettle{2};

std::chrono::seconds look_again(const std::string& key) {
  return kLookAgain + kSpread * (std::hash<std::string>()(key) % 100) / 100;
}

using targets::Readiness;
using targets::WorkloadName;

constexpr std::string_view kMachinePrefix = "vm:";

std::string queue_key(const WorkloadName& workload) {
  std::string key = workload.name_space + "/";
  if (workload.is_machine) key += kMachinePrefix;
  return key + workload.name;
}

WorkloadName workload_of(const std::string& key) {
  const std::size_t slash = key.find('/');
  std::string name = key.substr(slash + 1);
  const bool is_machine = name.starts_with(kMachinePrefix);
  if (is_machine) name.erase(0, kMachinePrefix.size());
  return {key.substr(0, slash), std::move(name), is_machine};
}

std::vector<std::string> images_of(const targets::Deployment& deployment) {
  std::vector<std::string> images;
  for (const targets::Container& container : deployment.containers) images.push_back(container.image);
  return images;
}

/// What is never touched is not prepared either, whatever its label says.
bool is_protected(const World& world, const std::string& name_space) {
  const auto found = world.cluster->cache.name_space(name_space);
  const auto guard =
      playbooks::check_protection({{"Pod", name_space, "", ""}, world.settings.name_space, {}, "", false});
  return found != nullptr && guard.allowed() && found->is_protected() && !found->being_deleted;
}

}  // namespace

Preparation::Preparation(World& world, k8s::Client& client)
    : world_(world),
      client_(client),
      queue_(world.clock),
      budget_(world.settings.sweep_images_per_minute, world.clock),
      machine_watch_(client, world.clock, world.log, jitter_of(world.settings),
                     [this](const std::string& name_space, const std::string& name, std::int64_t generation) {
                       touch_template({name_space, name, true}, generation);
                     }) {}

void Preparation::touch(const std::string& name_space, const std::string& deployment) {
  queue_.add(queue_key({name_space, deployment}), k8s::WorkPriority::kHousekeeping);
}

void Preparation::touch_machine(const TargetRef& instance) {
  const std::string key = queue_key({instance.name_space, instance.name, true});
  {
    const bool runs = !launchers_of(world_.cluster->cache, instance.uid).empty();
    const std::lock_guard lock(mutex_);
    if (runs) {
      running_.emplace(key, instance.uid);
    } else {
      running_.erase({key, instance.uid});
      looked_at_.erase(key);
    }
  }
  queue_.add_after(key, kSettle, k8s::WorkPriority::kHousekeeping);
}

/// What was not looked at yet is in the queue: a listing is of every machine.
void Preparation::touch_template(const WorkloadName& machine, std::int64_t generation) {
  const std::string key = queue_key(machine);
  {
    const std::lock_guard lock(mutex_);
    const auto known = looked_at_.find(key);
    if (known == looked_at_.end() || known->second == generation) return;
  }
  queue_.add_after(key, kSettle, k8s::WorkPriority::kHousekeeping);
}

void Preparation::touch_namespace(const std::string& name_space) {
  queue_.add(queue_key({name_space, ""}), k8s::WorkPriority::kHousekeeping);
  for (const auto& deployment : world_.cluster->cache.deployments(name_space))
    touch(name_space, deployment->meta.name);
  const std::string prefix = queue_key({name_space, "", true});
  const std::lock_guard lock(mutex_);
  for (auto entry = running_.lower_bound({prefix, ""});
       entry != running_.end() && entry->first.starts_with(prefix); ++entry)
    queue_.add(entry->first, k8s::WorkPriority::kHousekeeping);
}

void Preparation::touch_all() {
  for (const std::string& name_space : world_.cluster->cache.protected_namespaces())
    touch_namespace(name_space);
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

/// An incident whose victim is in quarantine puts the policy back itself, and records that it was away.
bool Preparation::an_incident_keeps_policy(const std::string& name_space) const {
  const auto incidents = world_.store.of_namespace(name_space);
  return std::any_of(incidents.begin(), incidents.end(), [&](const auto& incident) {
    return incident->status.containment && !incident->is_over() && !incident->spec.hold &&
           !incident->spec.release;
  });
}

/// What an earlier leader published: the workloads that have gone since are looked at, too, and taken out.
Result<void> Preparation::load() {
  const std::lock_guard loading(loading_);
  if (loaded_) return {};
  auto config_map = client_.get(k8s::kConfigMaps, {world_.settings.name_space, targets::kReadinessConfigMap});
  if (!config_map && config_map.error().code != ErrorCode::kNotFound) return fail(config_map.error());
  const json entries = config_map ? config_map->value("data", json::object()) : json::object();
  std::map<std::string, Readiness> known;
  for (const auto& [name, text] : entries.items()) {
    const auto workload = targets::parse_readiness_key(name);
    if (workload) known[queue_key(*workload)] = targets::parse_readiness_text(text.get<std::string>());
  }
  std::set<std::string> living;
  bool all_known = true;
  for (const auto& [key, readiness] : known) {
    queue_.add(key, k8s::WorkPriority::kHousekeeping);
    const WorkloadName workload = workload_of(key);
    if (workload.is_machine && all_known) all_known = add_living_machine(workload, living);
  }
  for (const std::string& name_space : world_.cluster->cache.protected_namespaces()) {
    for (const auto& deployment : world_.cluster->cache.deployments(name_space))
      living.insert(deployment->meta.uid);
  }
  if (all_known) world_.cluster->trust.forget_all_but(living);
  const std::lock_guard lock(mutex_);
  known_ = std::move(known);
  loaded_ = true;
  return {};
}

k8s::ReconcileResult Preparation::prepare(const std::string& key) {
  if (!world_.leadership.leads()) return std::nullopt;
  if (auto loaded = load(); !loaded) return tl::unexpected(std::move(loaded).error());
  const WorkloadName workload = workload_of(key);
  if (workload.name.empty()) return prepare_namespace(workload.name_space);
  Result<std::optional<Assessment>> found(std::nullopt);
  if (is_protected(world_, workload.name_space))
    found = workload.is_machine ? look_at_machine(key, workload) : look_at_deployment(key, workload);
  if (!found) return tl::unexpected(std::move(found).error());
  if (!*found) budget_.forget(key);
  const auto readiness = *found ? std::optional((*found)->readiness) : std::nullopt;
  if (auto published = publish(key, readiness); !published)
    return tl::unexpected(std::move(published).error());
  if (!*found) return std::nullopt;
  return (*found)->turn.count() == 0 ? look_again(key) : (*found)->turn;
}

Result<std::optional<Preparation::Assessment>> Preparation::look_at_deployment(const std::string& key,
                                                                               const WorkloadName& workload) {
  const auto deployment = world_.cluster->cache.deployment(workload.name_space, workload.name);
  if (deployment == nullptr) return std::nullopt;
  const Result<void> policy = ensure_policy(workload.name_space);
  if (!policy && !policy.error().is_refusal()) return tl::unexpected(policy.error());
  Assessment found;
  found.turn = budget_.turn(key, images_of(*deployment));
  assess_containment(*deployment, policy, found.readiness);
  if (found.turn.count() == 0) {
    assess_template(*deployment, found.readiness);
  } else {
    keep_template_finding(key, found.readiness);
  }
  return found;
}

/// Bare pods have no workload that would bring the policy.
k8s::ReconcileResult Preparation::prepare_namespace(const std::string& name_space) {
  if (!is_protected(world_, name_space)) return std::nullopt;
  if (auto policy = ensure_policy(name_space); !policy) return tl::unexpected(std::move(policy).error());
  return look_again(name_space);
}

Result<void> Preparation::ensure_policy(const std::string& name_space) {
  if (world_.steps.mode_cap({"Pod", name_space, "", ""}) <= Mode::kObserve ||
      an_incident_keeps_policy(name_space))
    return {};
  targets::ApplyOptions options;
  options.priority = net::Priority::kBackground;
  return world_.cluster->target.ensure_quarantine_policy(name_space, options);
}

std::optional<Error> Preparation::refusal_of(const Action& isolation) const {
  targets::ApplyOptions options;
  options.priority = net::Priority::kBackground;
  options.dry_run = true;
  const auto tried = world_.cluster->target.apply(isolation, options);
  if (tried || !tried.error().is_refusal()) return std::nullopt;
  return tried.error();
}

/// Why the server would refuse to have one of the workload's pods isolated: admission has the last word.
/// Sends the very patch of a containment as a dry run. Nothing: it would not, or there is no pod to try it
/// on.
std::optional<Error> Preparation::refusal_of_isolation(const targets::Deployment& deployment) const {
  for (const auto& set : world_.cluster->cache.replica_sets_controlled_by(deployment.meta.uid)) {
    for (const auto& pod : world_.cluster->cache.pods_controlled_by(set->meta.uid)) {
      if (pod->quarantined() || pod->meta.being_deleted) continue;
      return refusal_of(targets::plan_isolation(*pod, kDryRunIncident, ""));
    }
  }
  return std::nullopt;
}

/// Whether isolating one of the workload's pods would hold, and why not.
void Preparation::assess_containment(const targets::Deployment& deployment, const Result<void>& policy,
                                     Readiness& readiness) const {
  assess_isolation(
      {deployment.meta.name_space, deployment.template_labels, deployment.template_facts}, {}, policy,
      [&] { return refusal_of_isolation(deployment); }, readiness);
  readiness.containable_message = escape(readiness.containable_message, kMaxMessage);
}

void Preparation::assess_isolation(const isolation::Victim& victim,
                                   const isolation::QuarantineOptions& quarantine, const Result<void>& policy,
                                   const std::function<std::optional<Error>()>& dry_run,
                                   Readiness& readiness) const {
  const auto refuse = [&readiness](const char* reason, const Error& error) {
    readiness.containable = false;
    readiness.containable_reason = reason;
    readiness.containable_message = error.to_string();
  };
  if (!policy) return refuse("PolicyRefused", policy.error());
  const auto known = world_.cluster->cache.network_policies(victim.name_space);
  std::vector<const isolation::NetworkPolicy*> policies;
  for (const auto& standing : known.policies) policies.push_back(standing.get());
  const isolation::IsolationProof proof = isolation::prove_containability(
      victim, quarantine, {policies, known.unreadable}, world_.book.network_facts());
  readiness.containable = proof.isolated;
  readiness.containable_reason = proof.reason();
  readiness.containable_message = proof.message();
  for (const isolation::Exclusion& exclusion : proof.exclusions) {
    readiness.containable_message += "; " + exclusion.advice;
  }
  if (const auto refusal = readiness.containable ? dry_run() : std::nullopt) refuse("PatchRefused", *refusal);
}

bool Preparation::ask_about(const ImageTrust::WorkloadImages& workload, const std::string& in,
                            std::vector<TrustedImage>& accepted, Readiness& readiness) {
  const auto name_space = world_.cluster->cache.name_space(in);
  const Labels labels = name_space != nullptr ? name_space->labels : Labels();
  const auto leads = [this] { return world_.leadership.leads(); };
  for (const ImageAnswer& answer : world_.cluster->trust.prepare(workload, labels, leads, {})) {
    if (answer.retry_after) budget_.pause(answer.asked, *answer.retry_after);
    if (answer.image) {
      accepted.push_back(*answer.image);
    } else if (readiness.prepared_reason.empty()) {
      readiness.prepared_reason = answer.reason;
      readiness.prepared_message = answer.message;
    }
  }
  return readiness.prepared_reason.empty();
}

/// Whether a replacement comes up from accepted digests without a change of the template, and why not.
void Preparation::assess_template(const targets::Deployment& deployment, Readiness& readiness) {
  std::vector<TrustedImage> accepted;
  (void)ask_about({deployment.meta.uid, deployment.template_labels, deployment.containers},
                  deployment.meta.name_space, accepted, readiness);
  readiness.prepared = targets::is_prepared(deployment, accepted);
  if (readiness.prepared) {
    readiness.prepared_reason = "TemplateAccepted";
    readiness.prepared_message = "the template names accepted digests";
  } else if (readiness.prepared_reason.empty()) {
    readiness.prepared_reason = "NotPinned";
    readiness.prepared_message =
        "the template names no digest; what its tags point to now is accepted: a breach will pin it";
  }
  readiness.prepared_message = escape(readiness.prepared_message, kMaxMessage);
}

/// Until it is the workload's turn, what was found out last about its template stands.
void Preparation::keep_template_finding(const std::string& key, Readiness& readiness) const {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(key);
  if (known == known_.end()) {
    readiness.prepared_reason = "NotLookedAtYet";
    readiness.prepared_message = "its registry is asked about other workloads' images first";
    return;
  }
  readiness.prepared = known->second.prepared;
  readiness.prepared_reason = known->second.prepared_reason;
  readiness.prepared_message = known->second.prepared_message;
}

Result<void> Preparation::publish(const std::string& key, const std::optional<Readiness>& readiness) {
  {
    std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    const bool same =
        readiness ? found != known_.end() && found->second == *readiness : found == known_.end();
    if (same) return {};
  }
  // All that was asked for it may have taken longer than the lease lasts.
  if (!world_.leadership.leads()) return {};
  const k8s::ObjectKey config_map{world_.settings.name_space, targets::kReadinessConfigMap};
  const std::string entry = targets::readiness_key(workload_of(key));
  auto written = readiness
                     ? k8s::put_config_map_entry(client_, config_map, entry,
                                                 targets::readiness_text(*readiness, world_.clock.now()))
                     : k8s::remove_config_map_entry(client_, config_map, entry);
  if (!written) return fail(written.error());
  std::lock_guard lock(mutex_);
  if (readiness) {
    known_.insert_or_assign(key, *readiness);
  } else {
    known_.erase(key);
  }
  return {};
}

}  // namespace kintsugi::controller
