// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "controller/image_trust.h"
#include "controller/incident_work.h"
#include "controller/sweep_budget.h"
#include "k8s-client/client/client.h"
#include "k8s-client/runtime/worker.h"
#include "targets/isolation/isolation_proof.h"
#include "targets/kubernetes/objects.h"
#include "targets/kubernetes/readiness.h"
#include "targets/kubevirt/machine_watch.h"
#include "targets/kubevirt/objects.h"

namespace kintsugi::controller {

/// Prepares protected workloads before anything happens: keeps the standing quarantine policy in their
/// namespaces, evaluates whether isolation would hold, verifies what their templates name and remembers it as
/// last known good. The findings are in the ConfigMap "kintsugi-readiness", one key a workload
/// ("<namespace>.<name>", of KubeVirt's machines "<namespace>.vm_<name>"). A machine is looked at when its
/// launcher or its template changes. Each is looked at again every ten minutes. By the leader only.
/// Thread-safe.
class Preparation {
 public:
  /// All references must outlive this object.
  Preparation(World& world, k8s::Client& client);

  // Something about a workload, or about all of a namespace's, has changed: look again.
  void touch(const std::string& name_space, const std::string& deployment);
  /// A launcher of this instance, whose name is the machine's, came, changed or went.
  void touch_machine(const TargetRef& instance);
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
  static constexpr std::size_t kMaxMessage = 700;
  static constexpr std::int64_t kUnderWay = -1;
  static constexpr const char* kDryRunIncident = "inc-dry-run";

  k8s::ReconcileResult prepare(const std::string& key);
  k8s::ReconcileResult prepare_namespace(const std::string& name_space);

  struct Assessment {
    targets::Readiness readiness;
    std::chrono::nanoseconds turn{0};  ///< so long until its registry may be asked about its images
  };
  // Nothing: there is no such workload, or it does not run.
  Result<std::optional<Assessment>> look_at_deployment(const std::string& key,
                                                       const targets::WorkloadName& workload);
  Result<std::optional<Assessment>> look_at_machine(const std::string& key,
                                                    const targets::WorkloadName& workload);
  bool has_launcher(const std::string& key) const;
  void note_look(const std::string& key, std::int64_t generation);
  /// The watch has seen that generation of a machine.
  void touch_template(const targets::WorkloadName& machine, std::int64_t generation);
  /// Adds the UID of a machine that was looked at before. False: it cannot be known now.
  bool add_living_machine(const targets::WorkloadName& workload, std::set<std::string>& living) const;
  /// `machine`: the document of the VirtualMachine, null where nobody owns the instance.
  Result<void> assess_machine_containment(const targets::MachineInstance& instance,
                                          const nlohmann::json& machine,
                                          const std::vector<std::shared_ptr<const targets::Pod>>& launchers,
                                          targets::Readiness& readiness);
  void assess_machine_template(const std::string& key, const targets::Machine& machine,
                               const targets::Pod& launcher, Assessment& found);
  Result<void> ensure_policy(const std::string& name_space);
  /// `policy`: how putting the quarantine policy in place went.
  void assess_containment(const targets::Deployment& deployment, const Result<void>& policy,
                          targets::Readiness& readiness) const;
  /// Whether isolating such a pod would hold; `dry_run`: why the server would refuse it.
  void assess_isolation(const isolation::Victim& victim, const isolation::QuarantineOptions& options,
                        const Result<void>& policy, const std::function<std::optional<Error>()>& dry_run,
                        targets::Readiness& readiness) const;
  /// Asks about the images, and what each has against it; false: not all are accepted.
  bool ask_about(const ImageTrust::WorkloadImages& workload, const std::string& name_space,
                 std::vector<TrustedImage>& accepted, targets::Readiness& readiness);
  void assess_template(const targets::Deployment& deployment, targets::Readiness& readiness);
  void keep_template_finding(const std::string& key, targets::Readiness& readiness) const;
  /// Why the server would refuse an isolation, by a dry run; nothing: it would not.
  std::optional<Error> refusal_of(const Action& isolation) const;
  std::optional<Error> refusal_of_isolation(const targets::Deployment& deployment) const;
  bool an_incident_keeps_policy(const std::string& name_space) const;
  Result<void> load();
  Result<void> publish(const std::string& key, const std::optional<targets::Readiness>& readiness);

  World& world_;
  k8s::Client& client_;
  k8s::WorkQueue queue_;
  SweepBudget budget_;
  std::mutex loading_;   ///< taken before mutex_
  bool loaded_ = false;  ///< guarded by loading_
  mutable std::mutex mutex_;
  std::map<std::string, targets::Readiness> known_;  ///< guarded; by key
  /// Guarded; the key of each machine whose instance, by its UID, has a launcher, protected or not.
  std::set<std::pair<std::string, std::string>> running_;
  /// Guarded; by key, the generation of each machine's last look. kUnderWay: it is not known yet.
  std::map<std::string, std::int64_t> looked_at_;
  targets::MachineWatch machine_watch_;  ///< the last: it calls back
};

}  // namespace kintsugi::controller
