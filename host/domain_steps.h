// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/playbook_book.h"
#include "controller/target_steps.h"
#include "host/domain_evidence.h"
#include "host/domain_inventory.h"
#include "host/images/golden_images.h"
#include "targets/libvirt/domain_target.h"

namespace kintsugi::host {

class MachineFiles;
class RebuildMemory;
class ServiceProbe;
class SilenceMemory;

using controller::IncidentWork;
using controller::StepResult;

/// What the steps about domains work with. Only references: the process owns the parts.
struct DomainWorld {
  targets::Hypervisor& hypervisor;
  const targets::DomainTarget& target;
  DomainInventory& inventory;
  const controller::PlaybookBook& book;
  DomainEvidence& evidence;
  GoldenImages& images;
  const MachineFiles& files;  ///< of rebuilt machines
  ServiceProbe& probe;
  RebuildMemory& rebuilds;
  SilenceMemory& silence;  ///< of isolated machines
};

/// The verbs for libvirt domains: each is in the file of its step.
class DomainSteps final : public controller::TargetSteps {
 public:
  /// `domains` must outlive the steps.
  explicit DomainSteps(const DomainWorld& domains) : domains_(domains) {}

  StepResult contain(IncidentWork& work, const std::function<bool()>& may_send,
                     std::chrono::milliseconds timeout) const override;
  StepResult collect(IncidentWork& work) const override;
  StepResult redeploy(IncidentWork& work) const override;
  StepResult verify(IncidentWork& work) const override;
  StepResult release(IncidentWork& work) const override;
  StepResult dispose_of_victim(IncidentWork& work) const override;
  std::optional<std::string> taboo(const TargetRef& target) const override;
  bool is_protected(const TargetRef& target) const override;
  Mode mode_cap(const TargetRef& target) const override;
  bool is_known(const TargetRef& target) const override;
  Result<bool> exists(const TargetRef& target, std::stop_token stop) const override;
  void forget(const std::string& incident) const override;

 private:
  StepResult rebuild(IncidentWork& work) const;
  Result<std::optional<targets::DomainObservation>> observe_victim(IncidentWork& work) const;
  /// Of the disks of an incident.
  struct Layers {
    std::vector<targets::DiskLayer> present;
    std::vector<targets::DiskLayer> missing;
  };

  StepResult isolate(IncidentWork& work, const targets::DomainIsolation& wanted,
                     const std::function<bool()>& may_send) const;
  StepResult reassert(IncidentWork& work, const targets::DomainIsolation& wanted, bool has_way_out,
                      const std::function<bool()>& may_send) const;
  StepResult seal_and_assess(IncidentWork& work, const targets::DomainObservation& domain,
                             const targets::DomainIsolation& wanted,
                             const std::function<bool()>& may_send) const;
  StepResult assess(IncidentWork& work, const targets::DomainObservation& domain,
                    const targets::DomainIsolation& wanted, const std::function<bool()>& may_send) const;
  StepResult lower_again(IncidentWork& work, const std::vector<std::string>& macs,
                         const std::function<bool()>& may_send) const;
  Result<void> seal(IncidentWork& work, const targets::DomainIsolation& wanted, const Action& action) const;
  targets::DomainIsolation isolation_for(IncidentWork& work) const;
  StepResult freeze_disks(IncidentWork& work) const;
  Result<Layers> find_layers(IncidentWork& work) const;
  Result<void> make_layers(IncidentWork& work, const std::vector<targets::DiskLayer>& missing) const;
  StepResult ask_guest(IncidentWork& work) const;
  Result<targets::DiskReturn> give_back_disks(IncidentWork& work) const;
  StepResult restore(IncidentWork& work) const;

  const DomainWorld& domains_;
};

/// An action on the domain, without its body.
Action action_about(const TargetRef& target, std::string id, std::string description);

/// Whether the guest is still to be asked for evidence, or was: its agent's channel outlives the others then.
bool wants_guest(IncidentWork& work);

/// A machine that another host has taken over: what the incident says of it, and asks of a person. Nothing is
/// done about it here.
inline constexpr char kMigrated[] = "VictimMigrated";
bool has_migrated(const DomainWorld& domains, IncidentWork& work,
                  const std::optional<targets::DomainObservation>& domain);
std::string what_migration_means(IncidentWork& work);

/// The action that freezes the disks.
inline constexpr char kFreezing[] = "collect/disks";
/// The job that asks the guest.
inline constexpr char kGuestJob[] = "guest";

/// Whether a signal has come about the machine that this incident has rebuilt: it tells of something after
/// the machine was started anew.
bool is_suspected_again(const Incident& incident);

}  // namespace kintsugi::host
