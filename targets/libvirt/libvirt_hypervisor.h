// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "targets/libvirt/hypervisor.h"

namespace kintsugi::targets {

/// A host by libvirt. One per process: libvirt's event loop is the process's own.
class LibvirtHypervisor final : public Hypervisor {
 public:
  /// Waits for events of the process for a while, and delivers them; whether it could.
  using EventTurn = std::function<bool()>;

  /// `uri` as virConnectOpen() takes it. References must outlive this object.
  LibvirtHypervisor(std::string uri, const Clock& clock, Logger& log, EventTurn turn = turn_of_event_loop);
  ~LibvirtHypervisor() override;

  /// Connects, delivers events, and connects again when the daemon has gone or events cannot be delivered,
  /// ever more slowly where that does not last, until stopped.
  void run(std::stop_token stop);
  /// Waits until there is a connection. The error is that of the last try.
  Result<void> wait_until_connected(MonotonicTime deadline, std::stop_token stop);

  Result<std::vector<DomainSummary>> list() override;
  Result<DomainStatus> status(const std::string& uuid) override;
  bool has_left(const std::string& uuid) const override;
  Result<std::string> live_definition(const std::string& uuid) override;
  Result<std::string> persistent_definition(const std::string& uuid) override;
  Result<std::string> plain_definition(const std::string& uuid) override;
  Result<void> define(const std::string& definition) override;
  Result<void> set_autostart(const std::string& uuid, bool autostart) override;
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
  void subscribe(std::function<void(const std::string& uuid)> changed) override;

  /// libvirt's own.
  static bool turn_of_event_loop();

 private:
  class Connection;

  Result<std::string> persistent(const std::string& uuid, unsigned flags);
  Result<std::shared_ptr<Connection>> connection();
  Result<std::shared_ptr<Connection>> connect();
  void serve(const std::shared_ptr<Connection>& connection, const std::stop_token& stop);
  void pause_for(std::chrono::milliseconds pause, const std::stop_token& stop);
  void remember_place(const std::string& uuid, bool is_elsewhere);
  /// `call` on the domain, or why it cannot be had.
  template <class Call>
  auto with_domain(const std::string& uuid, Call call);

  const std::string uri_;
  const Clock& clock_;
  Logger& log_;
  const EventTurn turn_;
  std::function<void(const std::string&)> changed_;
  mutable std::mutex mutex_;
  std::condition_variable connected_;
  std::shared_ptr<Connection> connection_;  ///< guarded; null: none now
  Error last_error_;                        ///< guarded
  std::set<std::string> left_;              ///< guarded; domains that other hosts have taken over
};

}  // namespace kintsugi::targets
