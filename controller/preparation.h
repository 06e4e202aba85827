// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/incident_work.h"
#include "k8s-client/runtime/worker.h"

namespace kintsugi::controller {

/// What was found about one protected workload, by day.
struct Readiness {
  bool containable = false;
  std::string containable_reason;   ///< "PolicyEvaluated", or what is in the way
  std::string containable_message;  ///< leaks with the exclusion to commit
  bool prepared = false;
  std::string prepared_reason;  ///< "TemplateAccepted", or the verdict's reason
  std::string prepared_message;
  bool operator==(const Readiness&) const = default;
};

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
  Counts counts() const;

 private:
  k8s::ReconcileResult prepare(const std::string& key);
  Readiness assess(const targets::Deployment& deployment);
  Result<void> publish(const std::string& key, const std::optional<Readiness>& readiness);

  World& world_;
  k8s::Client& client_;
  k8s::WorkQueue queue_;
  mutable std::mutex mutex_;
  std::map<std::string, Readiness> known_;  ///< guarded; by key
};

}  // namespace kintsugi::controller
