// SPDX-License-Identifier: Apache-2.0
//
// A host with one domain, in memory, whose calls can be made to fail: for what real machines cannot do on
// demand. What libvirt makes of definitions is proven in tests/machines.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "targets/libvirt/hypervisor.h"

namespace kintsugi::targets::testing {

class FakeHypervisor : public Hypervisor {
 public:
  /// An empty `live`: it does not run; an empty `persistent`: it is transient.
  FakeHypervisor(std::string live, std::string persistent);

  // What it is now.
  std::string live;
  std::string persistent;
  bool autostart = true;
  bool is_paused = false;
  std::map<std::string, std::string> filters;  ///< by name
  int ended = 0;                               ///< processes so far
  int started = 0;                             ///< likewise
  bool has_migrated = false;                   ///< its process, to another host
  /// A guest that gives nothing back.
  bool keeps_devices = false;
  /// The guest goes on sending: each time that somebody looks, a few packets more have come through every
  /// link that is up.
  bool guest_sends = false;
  /// Host's sides of the cards whose links somebody has raised at the machine's process itself.
  std::set<std::string> raised;
  std::map<std::string, std::uint64_t> sent;  ///< packets, by the host's side of the card
  std::optional<Error> counting_trouble;      ///< what comes in place of counters
  /// A bridge that is not there: no network card of the running domain gets to it.
  std::string missing_bridge;
  std::optional<Error> definition_trouble;  ///< what comes of each new definition
  std::optional<Error> start_trouble;       ///< what comes of each start
  std::optional<Error> plugging_trouble;    ///< what comes of each device that is plugged in
  /// What is started is there, and does not run yet.
  bool starts_slowly = false;
  bool ends_at_once = false;  ///< what is started
  bool has_crashed = false;   ///< and its process is kept
  PauseCause pause_cause = PauseCause::kSomebody;

  // What it can tell of itself.
  std::optional<Screenshot> screen;  ///< nothing: it has none
  std::vector<GuestFact> facts;      ///< of a guest that runs and still has its agent's channel
  std::string memory =
      "\x7f"
      "ELF memory";
  std::function<void()> while_dumping;  ///< what happens on the host before the dump is made; null: nothing
  /// Layers of disks, as files on the host: what the guest has written into each.
  std::map<std::string, std::uint64_t> layers;
  /// Disks with a commit, by name, and how often it says that it is not ready yet.
  std::map<std::string, int> commits;
  int looks_until_ready = 2;
  /// Of its networks, by name.
  std::map<std::string, std::vector<DhcpLease>> networks;
  /// A job of somebody else: no dump begins while it lasts.
  bool is_busy = false;

  /// The n-th change from here on (from 1) fails; `after`: once it has been made. `for_good`: the host is
  /// away from then on.
  void fail_change(int n, bool after, bool for_good = false) {
    failing_ = n;
    fails_after_ = after;
    fails_for_good_ = for_good;
    changes_ = 0;
  }
  /// No call is answered.
  bool is_away = false;
  /// Of all that were asked for since fail_change().
  int changes() const { return changes_; }

  Result<std::vector<DomainSummary>> list() override;
  Result<DomainStatus> status(const std::string& uuid) override;
  bool has_left(const std::string& /*uuid*/) const override { return has_migrated; }
  Result<std::string> live_definition(const std::string& uuid) override;
  Result<std::string> persistent_definition(const std::string& uuid) override;
  Result<std::string> plain_definition(const std::string& uuid) override;
  Result<void> define(const std::string& definition) override;
  Result<void> set_autostart(const std::string& uuid, bool value) override;
  Result<void> set_live_mark(const std::string& uuid, const std::string& mark) override;
  Result<void> update_device(const std::string& uuid, const std::string& device) override;
  Result<void> attach_device(const std::string& uuid, const std::string& device) override;
  Result<void> detach_device(const std::string& uuid, const std::string& device) override;
  Result<void> pause(const std::string& uuid) override;
  Result<void> resume(const std::string& uuid) override;
  Result<std::vector<CardTraffic>> card_traffic(const std::string& uuid) override;
  Result<void> dump_memory(const std::string& uuid, const std::string& path, const LongCall& watch) override;
  Result<Screenshot> screenshot(const std::string& uuid) override;
  Result<std::vector<GuestFact>> guest_facts(const std::string& uuid) override;
  Result<DiskSize> disk_size(const std::string& uuid, const std::string& disk) override;
  Result<void> snapshot_disks(const std::string& uuid, const std::string& snapshot) override;
  Result<std::optional<DiskJob>> disk_job(const std::string& uuid, const std::string& disk) override;
  Result<void> commit_disk(const std::string& uuid, const std::string& disk) override;
  Result<void> end_commit(const std::string& uuid, const std::string& disk) override;
  Result<void> destroy(const std::string& uuid) override;
  Result<void> start(const std::string& uuid) override;
  Result<std::vector<DhcpLease>> leases(const std::string& network) override;
  Result<std::string> filter_definition(const std::string& name) override;
  Result<void> define_filter(const std::string& definition) override;
  void subscribe(std::function<void(const std::string& uuid)> /*changed*/) override {}

 private:
  Result<void> change(const std::function<void()>& make);
  /// Has both definitions of the domain say that the disk's content is there.
  void point_disk(const std::string& disk, const std::string& file, const std::string& format);

  int failing_ = 0;
  bool fails_after_ = false;
  bool fails_for_good_ = false;
  int changes_ = 0;
};

}  // namespace kintsugi::targets::testing
