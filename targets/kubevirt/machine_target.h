// SPDX-License-Identifier: Apache-2.0
//
// The only code that asks KubeVirt for something on behalf of an incident, and the live reads that go before
// it. Launcher pods are watched, as all pods are, and tell when to look: where there is no KubeVirt there is
// no request, and no right is needed.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "k8s-client/client/client.h"
#include "model/action.h"
#include "targets/kubernetes/pod_target.h"
#include "targets/kubevirt/objects.h"

namespace kintsugi::targets {

/// Thread-safe.
class MachineTarget {
 public:
  /// `client` must outlive the target.
  explicit MachineTarget(k8s::Client& client) : client_(client) {}

  /// Live, by name; nothing where there is none, or no KubeVirt.
  Result<std::optional<MachineInstance>> find(const std::string& name_space, const std::string& name,
                                              std::stop_token stop = {},
                                              net::Priority priority = net::Priority::kContainment) const;
  /// The same; nothing also where the name has come back with another UID.
  Result<std::optional<MachineInstance>> read(const TargetRef& instance, std::stop_token stop = {}) const;
  /// Live; nothing where it is gone or its name has come back.
  Result<std::optional<Machine>> read_machine(const std::string& name_space, const OwnerRef& machine) const;
  /// The whole object of the same; kNotFound where there is none.
  Result<nlohmann::json> read_machine_document(const std::string& name_space, const OwnerRef& machine,
                                               net::Priority priority = net::Priority::kNormal) const;
  /// What has the name that a machine's new DataVolume is to get, as "datavolumes.cdi.kubevirt.io shop/disk",
  /// and is not the machine's; empty: nothing. KubeVirt imports nothing into what is there.
  Result<std::string> foreign_disk(const std::string& name, const Machine& machine) const;
  /// The migrations of an instance, by its name, that are neither over nor deleted.
  Result<std::vector<TargetRef>> migrations_of(const TargetRef& instance) const;

  /// What the server would make of a patch, by a dry run. kRefused as in apply().
  Result<nlohmann::json> foresee(const Action& patch, net::Priority priority = net::Priority::kNormal) const;
  /// Makes one change. kConflict where a precondition does not hold: read live and plan again. kRefused where
  /// schema, admission or rights say no. virt-api takes no UID: of an invocation it is compared right before.
  Result<void> apply(const Action& action, const ApplyOptions& options) const;

 private:
  Result<void> invoke(const Action& action, const k8s::CallOptions& call) const;

  k8s::Client& client_;
};

/// Pauses an instance, or lets it run again. What was before is for the verification of its successor:
/// whether the guest agent was connected, which a paused one's is not.
Action plan_pause(const MachineInstance& instance);
Action plan_unpause(const TargetRef& instance);
/// What plan_pause() has noted; nothing where it is no such text.
std::optional<bool> had_agent(const Action& pause);
/// Ends a migration: its target is never run.
Action plan_migration_end(const TargetRef& instance, const TargetRef& migration);
/// Deletes the instance; its machine may make another.
Action plan_instance_deletion(const TargetRef& instance);

}  // namespace kintsugi::targets
