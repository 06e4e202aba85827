// SPDX-License-Identifier: Apache-2.0
//
// libvirt's C API with owners and errors as values. Only this folder's sources see it.
#pragma once

#include <libvirt/libvirt.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "targets/libvirt/libvirt_hypervisor.h"

namespace kintsugi::targets {

using LibvirtDomain = std::unique_ptr<virDomain, int (*)(virDomainPtr)>;
using LibvirtFilter = std::unique_ptr<virNWFilter, int (*)(virNWFilterPtr)>;

/// For errors: "domain 4dea22b3-…".
std::string domain_object(const std::string& uuid);

/// What the last call of this thread failed with. `object`: on what.
Error libvirt_error(const std::string& object);
/// A call that says -1 for failure.
Result<void> checked(int result, const std::string& object);

/// Text that libvirt has allocated; empty for null.
std::string take_text(char* text);

/// An open connection.
class LibvirtHypervisor::Connection {
 public:
  /// Both are called from the process's event loop.
  struct Listener {
    std::function<void(const std::string& uuid)> changed;
    /// A process has ended or begun; whether another host has taken it over. Before `changed`.
    std::function<void(const std::string& uuid, bool is_elsewhere)> moved;
  };

  /// Registers with the process's event loop, which has to be there.
  static Result<std::shared_ptr<Connection>> open(const std::string& uri, Listener listener);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virConnectPtr get() const { return connection_; }
  bool is_closed() const { return events_->is_closed; }
  Result<LibvirtDomain> domain(const std::string& uuid) const;

 private:
  /// What libvirt's callbacks work with. Those of events may still run while the connection ends in another
  /// thread, and so share it.
  struct Events {
    Listener listener;
    std::atomic<bool> is_closed{false};
  };

  Connection(virConnectPtr connection, Listener listener);
  Result<void> register_events();
  static void on_close(virConnectPtr connection, int reason, void* events);
  static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void* events);
  static void on_change(virConnectPtr connection, virDomainPtr domain, void* events);

  const virConnectPtr connection_;
  const std::shared_ptr<Events> events_;
  std::vector<int> callbacks_;
};

template <class Call>
auto LibvirtHypervisor::with_domain(const std::string& uuid, Call call) {
  using Answer = decltype(call(virDomainPtr()));
  const auto connected = connection();
  if (!connected) return Answer(fail(connected.error()));
  const auto domain = (*connected)->domain(uuid);
  if (!domain) return Answer(fail(domain.error()));
  return Answer(call(domain->get()));
}

}  // namespace kintsugi::targets
