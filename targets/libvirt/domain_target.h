// SPDX-License-Identifier: Apache-2.0
//
// The only code that changes a virtualisation host on behalf of an incident, and the reads that go before it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/finding.h"
#include "targets/libvirt/domain.h"
#include "targets/libvirt/domain_disks.h"
#include "targets/libvirt/domain_parts.h"
#include "targets/libvirt/domain_quarantine.h"
#include "targets/libvirt/hypervisor.h"

namespace kintsugi::targets {

/// A domain as it is now.
struct DomainObservation {
  DomainStatus status;
  std::optional<Domain> live;        ///< while it has a process
  std::optional<Domain> persistent;  ///< unless it is transient
  DomainParts parts = {};            ///< of what it starts from
  /// The domain's own nwfilter as the host has it, where a network card refers to it.
  std::optional<std::string> filter = {};

  const Domain& any() const { return live ? *live : *persistent; }
};

/// What a playbook asks of the isolation.
struct DomainIsolation {
  std::string incident;
  bool pause = false;
  bool agent_stays = false;  ///< the guest agent is still to be asked
  /// Also what this incident has rebuilt: it is under suspicion again.
  bool also_rebuilt = false;
  std::string forensics = {};  ///< profile of the exceptions that are made; empty: none
};

/// Whether the domain is isolated for this incident: its links are down or in quarantine, live and for the
/// next start, so is what else leads out of it, and its processors stand still where that is wanted. Pure.
/// Reasons: DefinitionEvaluated, ShutOff; NotInQuarantine, LinkUp, FilterChanged, NotPaused, PassageOpen.
Finding assess_isolation(const DomainObservation& domain, const DomainIsolation& wanted);

/// Where an isolated domain's network cards are to be: by what its administrator says, in what it starts from
/// where it has that, because the other may be anybody's doing.
QuarantinePlace place_of(const DomainObservation& domain, const DomainIsolation& wanted);

/// Whether nothing passes the links that libvirt has but what is excepted, live and for the next start. A
/// network card that the guest drives itself has none: it is closed as a passage is.
bool are_links_closed(const DomainObservation& domain, const DomainIsolation& wanted);

/// Whether its processors run although they are to stand still.
bool runs_on(const DomainObservation& domain, const DomainIsolation& wanted);

struct FrozenDisks {
  std::vector<DiskLayer> layers;
  std::vector<std::string> others;  ///< for people: disks that the guest goes on writing to
};

struct DiskReturn {
  bool done = false;
  std::string progress;  ///< for people; empty where there is nothing to say
};

/// Thread-safe for different domains.
class DomainTarget {
 public:
  /// `hypervisor` must outlive the target.
  explicit DomainTarget(Hypervisor& hypervisor) : hypervisor_(hypervisor) {}

  /// Nothing where there is no such domain.
  Result<std::optional<DomainObservation>> observe(const std::string& uuid) const;

  /// Takes the links down and pauses where that is asked for, then changes what the domain starts from; tens
  /// of milliseconds. Begins with the mark, so that whatever fails later can be undone. May be repeated.
  Result<void> cut_off(const std::string& uuid, const DomainIsolation& wanted) const;

  /// The second line, which takes longer: the filter on the host's side of each network card, the way to the
  /// quarantine's network, and the devices that lead out. Returns what could not be had, for people; what
  /// fails alone is no error.
  Result<std::vector<std::string>> seal(const std::string& uuid, const DomainIsolation& wanted) const;

  /// Takes the links of those network cards down that are down for libvirt and up for QEMU; milliseconds,
  /// where they are behind the filter already. Through it nothing passes meanwhile. Where the host has no
  /// filters the links are as open as they were.
  Result<void> lower_again(const std::string& uuid, const std::vector<std::string>& macs) const;

  /// Keeps the disks of a running domain as they are now: their files are not written again. A domain that is
  /// paused or off writes nothing, and is left as it is. May be repeated.
  Result<FrozenDisks> freeze_disks(const std::string& uuid, const std::string& incident) const;

  /// The way back, a bit of it with each call: what was written since goes into the disks' own files, in the
  /// background, and the layers are deleted. To be called until it is done. kRefused where the domain has
  /// been shut off meanwhile, kConflict where something else is done with a disk.
  Result<DiskReturn> give_back_disks(const std::string& uuid, const std::string& incident) const;

  /// Ends the quarantine of this incident, after its disks were given back: definition, autostart, devices,
  /// links, and it runs unless it was paused before. A domain that is in nobody's quarantine is left as it
  /// is. Returns why devices could not be plugged into the running machine: it has them when it starts anew.
  Result<std::vector<std::string>> restore(const std::string& uuid, const std::string& incident) const;

 private:
  Result<void> cut_off_live(const std::string& uuid, const DomainIsolation& wanted, bool is_paused) const;
  Result<void> cut_off_persistent(const std::string& uuid, const DomainIsolation& wanted,
                                  bool autostart) const;
  Result<QuarantinePlace> place_for(const std::string& uuid, const DomainIsolation& wanted) const;
  /// The MAC addresses of the running machine's cards whose links libvirt cannot take down.
  Result<std::set<std::string>> linkless_cards(const std::string& uuid) const;
  Result<void> ensure_filter(const QuarantineFilter& wanted) const;
  Result<void> seal_interface(const std::string& uuid, const SealedInterface& interface) const;
  Result<std::string> advance_commit(const std::string& uuid, const DiskLayer& layer) const;
  Result<std::vector<std::string>> restore_live(const std::string& uuid, const std::string& incident,
                                                bool is_paused) const;

  Hypervisor& hypervisor_;
};

}  // namespace kintsugi::targets
