// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
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

/// Why a domain with a process is paused, as the host says.
enum class PauseCause : std::uint8_t {
  kNone,        ///< it is not
  kStartingUp,  ///< its process is not set up yet
  kSomebody,    ///< who may also be Kintsugi
  kDiskError,   ///< until somebody makes room, or mends the disk
  kOther,       ///< a job of the host's, or unknown
};

struct DomainStatus {
  DomainState state = DomainState::kOther;
  PauseCause pause = PauseCause::kNone;
  bool is_active = false;
  bool is_persistent = false;  ///< else it is gone for good once it ends
  bool autostart = false;      ///< starts with the host
  /// Its process is not here any more because another host has taken it over.
  bool is_migrated = false;
};

/// How far a job of the host's has come, in bytes. The total may grow while it runs; 0: not known yet.
struct JobProgress {
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
};

/// Whoever waits for a call that takes long. Both are called from another thread than the call's, a few times
/// a second, and return at once.
struct LongCall {
  std::function<bool()> go_on;  ///< no: the call is to end early, as far as the host can do that
  std::function<void(const JobProgress&)> report;
};

struct Screenshot {
  std::string mime_type;  ///< as the host says: "image/png", "image/x-portable-pixmap"
  std::string bytes;
};
inline constexpr std::size_t kMaxScreenshotBytes = 32u << 20;

/// One thing that a guest's agent says of it: {"os.name", "Debian"}. The value is the guest's, whatever it is
/// and however long.
struct GuestFact {
  std::string name;
  std::string value;
  bool operator==(const GuestFact&) const = default;
};

struct DiskSize {
  std::uint64_t virtual_bytes = 0;    ///< as the guest sees it
  std::uint64_t allocated_bytes = 0;  ///< on the host
};

/// An address that the host's DHCP server has given to whoever asked in the name of a network card. Guests
/// can ask in the name of any.
struct DhcpLease {
  std::string mac;      ///< in the form of normal_mac()
  std::string address;  ///< in the form of normal_address()
  bool operator==(const DhcpLease&) const = default;
};
/// Of one network: a /16.
inline constexpr std::size_t kMaxLeases = 65'536;

/// What the host has counted on its side of a network card since the card was plugged in.
struct CardTraffic {
  std::string tap;                 ///< the host's side, as in the running domain's definition
  std::uint64_t sent_packets = 0;  ///< by the guest, whatever became of them
  bool operator==(const CardTraffic&) const = default;
};

/// What the host does with a disk in the background.
struct DiskJob {
  bool is_commit = false;  ///< of its uppermost layer into the one below
  bool is_ready = false;   ///< of a commit: end_commit() can end it
  JobProgress progress;
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
  /// Whether the last that was told of the domain's process, to this program, is that another host has taken
  /// it over. No I/O: also of a domain that is not there any more.
  virtual bool has_left(const std::string& uuid) const = 0;
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

  /// Of those of the running domain's network cards that the host can count; none where it does not run. Does
  /// not wait for a domain that is busy.
  virtual Result<std::vector<CardTraffic>> card_traffic(const std::string& uuid) = 0;

  // Evidence.
  /// Writes the guest's memory over the regular file `path`, as an ELF core. A running guest stands still
  /// meanwhile, and runs again after. Waits for a job that the domain has already. kConflict where it does
  /// not run, kTimeout where `watch` ended it before it began, kCancelled where it did later.
  virtual Result<void> dump_memory(const std::string& uuid, const std::string& path,
                                   const LongCall& watch) = 0;
  /// kUnsupported for a domain without a screen, kTooLarge above kMaxScreenshotBytes.
  virtual Result<Screenshot> screenshot(const std::string& uuid) = 0;
  /// Asks the guest's agent, which gets five seconds for each of about ten answers. kTimeout, kConflict where
  /// there is nobody who answers.
  virtual Result<std::vector<GuestFact>> guest_facts(const std::string& uuid) = 0;
  /// Of the disk with that name in the guest ("vda").
  virtual Result<DiskSize> disk_size(const std::string& uuid, const std::string& disk) = 0;
  /// Gives disks of a running domain new layers, all or none: a `<domainsnapshot>` element.
  virtual Result<void> snapshot_disks(const std::string& uuid, const std::string& snapshot) = 0;
  /// Nothing: the host does nothing with it.
  virtual Result<std::optional<DiskJob>> disk_job(const std::string& uuid, const std::string& disk) = 0;
  /// Starts to write the uppermost layer of a running domain's disk into the one below.
  virtual Result<void> commit_disk(const std::string& uuid, const std::string& disk) = 0;
  /// Ends a commit that is ready: the disk stands on the layer below, and the uppermost is deleted.
  virtual Result<void> end_commit(const std::string& uuid, const std::string& disk) = 0;
  // Its process as a whole.
  /// Ends it at once, as a loss of power would. kConflict where it has none.
  virtual Result<void> destroy(const std::string& uuid) = 0;
  /// Starts it from the persistent definition, from nothing else: a state that was saved is thrown away, and
  /// the firmware's variables are new. kConflict where it runs.
  virtual Result<void> start(const std::string& uuid) = 0;

  /// Those of a network of the host's that have not run out. Errors: kNotFound, kTooLarge.
  virtual Result<std::vector<DhcpLease>> leases(const std::string& network) = 0;

  /// The nwfilter of that name; kNotFound, and kUnsupported on a host that has none.
  virtual Result<std::string> filter_definition(const std::string& name) = 0;
  /// Makes it, or replaces the one with the UUID in the definition.
  virtual Result<void> define_filter(const std::string& definition) = 0;

  /// `changed` is called with the UUID of each domain to which something has happened, or with none when
  /// anything may have, on a thread of the connection: enqueue and return. Before the connection is made.
  virtual void subscribe(std::function<void(const std::string& uuid)> changed) = 0;
};

}  // namespace kintsugi::targets
