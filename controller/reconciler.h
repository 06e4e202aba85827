// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "controller/target_steps.h"
#include "k8s-client/runtime/worker.h"

namespace kintsugi::controller {

/// Takes one incident at a time from where it is to where it should be. Level-triggered: it gets a name and
/// looks for itself. Thread-safe for different names.
class Reconciler {
 public:
  /// `world` must outlive the reconciler.
  explicit Reconciler(World& world);

  k8s::ReconcileResult reconcile(const std::string& name);

  /// This process has won the create of the incident: its first reconcile contains, whoever leads, and writes
  /// nothing else. So a storm's victims are all isolated before the leader writes about the first one.
  void won(const std::string& name, MonotonicTime create_started);

  // Which open incidents a change of the world concerns; each costs what it finds.
  std::vector<std::string> concerned_by_target(const std::string& uid) const;
  std::vector<std::string> concerned_by_owner(const std::string& uid) const;
  std::vector<std::string> concerned_by_namespace(const std::string& name_space) const;

 private:
  struct Won {
    MonotonicTime create_started;
    bool tried = false;
    std::shared_ptr<const Isolation> isolation;  ///< until the leader has stored it
  };

  k8s::ReconcileResult contain_as_winner(const Incident& incident, MonotonicTime create_started);
  k8s::ReconcileResult finalize(const Incident& incident);
  StepResult advance(IncidentWork& work);
  StepResult run_steps(IncidentWork& work);
  StepResult observe(IncidentWork& work);
  incidents::IncidentStore::Pointer open_incident_of_same_target(const Incident& incident) const;
  std::optional<StepResult> begin(IncidentWork& work);
  bool is_held(IncidentWork& work);
  bool may_send(IncidentWork& work);
  Mode permitted_mode(const Incident& incident, const Playbook* playbook) const;
  std::shared_ptr<const Playbook> playbook_of(const Incident& incident) const;
  bool counts_before_it_contains(const Incident& incident) const;
  bool is_fenced(const Incident& incident) const;
  bool is_won(const std::string& name) const;
  std::optional<MonotonicTime> begin_first_try(const std::string& name);
  std::shared_ptr<const Isolation> isolation_of(const std::string& name) const;
  void forget_isolation(const std::string& name);
  void track(const Incident& incident);
  void untrack(const std::string& name);
  std::vector<std::string> tracked(const std::string& key) const;

  World& world_;
  std::mutex caps_mutex_;  ///< held from judging a capped containment until it is stored; taken before mutex_
  mutable std::mutex mutex_;
  std::map<std::string, Won> won_;                          ///< guarded
  std::map<std::string, std::set<std::string>> keys_;       ///< guarded; by incident
  std::map<std::string, std::set<std::string>> incidents_;  ///< guarded; by key
};

}  // namespace kintsugi::controller
