// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "controller/target_resolver.h"
#include "targets/kubernetes/pod_target.h"
#include "targets/kubevirt/machine_target.h"

namespace kintsugi::controller {

/// Finds the pod of a signal: by namespace and name, or by the id of a container. A virt-launcher stands for
/// the virtual machine that runs in it: the victim is the VirtualMachineInstance.
class PodResolver final : public TargetResolver {
 public:
  /// `own_namespace` is never touched. References must outlive the resolver.
  PodResolver(const targets::ClusterCache& cache, const targets::PodTarget& target,
              const targets::MachineTarget& machines, std::string own_namespace)
      : cache_(cache), target_(target), machines_(machines), own_namespace_(std::move(own_namespace)) {}

  std::optional<IntakeResult> refuse_early(const Signal& signal) const override;
  Result<std::variant<Victim, IntakeResult>> resolve(const Signal& signal) const override;

 private:
  struct Found {
    std::shared_ptr<const targets::Pod> pod;
    std::string container;
    std::string note;
  };
  using Search = Result<std::variant<Found, IntakeResult>>;

  Search find(const Signal& signal) const;
  Search find_by_container(const Signal& signal) const;
  std::optional<IntakeResult> judge_identity(const Signal& signal, Found& found) const;
  std::variant<Victim, IntakeResult> judge(const Found& found) const;
  Result<std::variant<Victim, IntakeResult>> find_machine(Victim launcher, const TargetRef& target) const;

  const targets::ClusterCache& cache_;
  const targets::PodTarget& target_;
  const targets::MachineTarget& machines_;
  const std::string own_namespace_;
};

}  // namespace kintsugi::controller
