// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/incident_work.h"
#include "controller/sweep_budget.h"
#include "k8s-client/client/client.h"
#include "k8s-client/runtime/worker.h"
#include "targets/kubernetes/objects.h"
#include "targets/kubernetes/readiness.h"

namespace kintsugi::controller {

/// Prepares protected workloads before anything happens: keeps the standing quarantine policy in their
/// namespaces, evaluates whether isolation would hold, verifies what their templates name and remembers it as
/// last known good. The findings are in the ConfigMap "kintsugi-readiness", one key a workload
/// ("<namespace>.<name>"). By the leader only. Thread-safe.
class Preparation {
 public:
  /// All references must outlive this object.
  Preparation(World& world, k8s::Client& client);

  // Something about a workload, or about all of a namespace's, has changed: look again.
  void touch(const std::string& name_space, const std::string& deployment);
  void touch_namespace(const std::string& name_space);
  void touch_all();

  /// Works on the calling thread until shut_down().
  void run();
  void shut_down();

  struct Counts {
    std::size_t by[2][2] = {};  ///< [containable][prepared]
  };
  /// Of what is published; what an earlier leader found counts until it is looked at again.
  Counts counts() const;

 private:
  k8s::ReconcileResult prepare(const std::string& key);
  k8s::ReconcileResult prepare_namespace(const std::string& name_space);
  Result<void> ensure_policy(const std::string& name_space);
  /// `policy`: how putting the quarantine policy in place went.
  void assess_containment(const targets::Deployment& deployment, const Result<void>& policy,
                          targets::Readiness& readiness) const;
  void assess_template(const targets::Deployment& deployment, targets::Readiness& readiness);
  void keep_template_finding(const std::string& key, targets::Readiness& readiness) const;
  std::optional<Error> refusal_of_isolation(const targets::Deployment& deployment) const;
  bool an_incident_keeps_policy(const std::string& name_space) const;
  Result<void> load();
  Result<void> publish(const std::string& key, const std::optional<targets::Readiness>& readiness);

  World& world_;
  k8s::Client& client_;
  k8s::WorkQueue queue_;
  SweepBudget budget_;
  mutable std::mutex mutex_;
  bool loaded_ = false;                              ///< guarded
  std::map<std::string, targets::Readiness> known_;  ///< guarded; by key
};

}  // namespace kintsugi::controller
