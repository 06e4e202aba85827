// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace kintsugi::targets {

struct DomainSummary {
  std::string name;
  std::string uuid;
  bool is_active = false;  ///< has a process
  bool operator==(const DomainSummary&) const = default;
};

enum class DomainState : std::uint8_t { kRunning, kPaused, kShutOff, kCrashed, kOther };

struct DomainStatus {
  DomainState state = DomainState::kOther;
  bool is_active = false;
  bool is_persistent = false;  ///< else it is gone for good once it ends
  bool autostart = false;      ///< starts with the host
};

/// What Kintsugi asks of a virtualisation host, and nothing else does. Domains are named by their UUID,
/// because names come back. Calls block; most take milliseconds, and one on a domain that is busy with
/// another job up to half a minute. Thread-safe.
///
/// Errors of all: kNotFound where there is no such domain, kUnavailable where the host cannot be reached
/// (`outcome_unknown` where a change may have been made), kTimeout where the domain is busy, kForbidden,
/// kUnsupported for what this host cannot do, kInvalidInput for a definition that it refuses.
class Hypervisor {
 public:
  virtual ~Hypervisor() = default;

  virtual Result<std::vector<DomainSummary>> list() = 0;
  virtual Result<DomainStatus> status(const std::string& uuid) = 0;
  /// kConflict where the domain has no process.
  virtual Result<std::string> live_definition(const std::string& uuid) = 0;
  /// From what it starts the next time, with the passwords in it: neither shown nor kept. kConflict where the
  /// domain is transient.
  virtual Result<std::string> persistent_definition(const std::string& uuid) = 0;
  /// The same without its passwords.
  virtual Result<std::string> plain_definition(const std::string& uuid) = 0;

  /// Replaces the persistent definition of the domain with the name and UUID in it.
  virtual Result<void> define(const std::string& definition) = 0;
  virtual Result<void> set_autostart(const std::string& uuid, bool autostart) = 0;

  // Of the live domain alone.
  /// The quarantine's metadata element; empty: it is taken away.
  virtual Result<void> set_live_mark(const std::string& uuid, const std::string& mark) = 0;
  virtual Result<void> update_device(const std::string& uuid, const std::string& device) = 0;
  virtual Result<void> attach_device(const std::string& uuid, const std::string& device) = 0;
  /// Asks the guest to give the device back, which may take its time, or never happen.
  virtual Result<void> detach_device(const std::string& uuid, const std::string& device) = 0;
  virtual Result<void> pause(const std::string& uuid) = 0;
  virtual Result<void> resume(const std::string& uuid) = 0;

  /// The nwfilter of that name; kNotFound, and kUnsupported on a host that has none.
  virtual Result<std::string> filter_definition(const std::string& name) = 0;
  /// Makes it, or replaces the one with the UUID in the definition.
  virtual Result<void> define_filter(const std::string& definition) = 0;

  /// `changed` is called with the UUID of each domain to which something has happened, or with none when
  /// anything may have, on a thread of the connection: enqueue and return. Before the connection is made.
  virtual void subscribe(std::function<void(const std::string& uuid)> changed) = 0;
};

}  // namespace kintsugi::targets
