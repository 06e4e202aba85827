// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/libvirt_hypervisor.h"

#include <libvirt/libvirt.h>

#include <algorithm>
#include <array>
#include <utility>

#include "targets/libvirt/domain.h"
#include "targets/libvirt/domain_quarantine.h"
#include "targets/libvirt/libvirt_connection.h"
#include "targets/libvirt/retry_pause.h"

namespace kintsugi::targets {
namespace {

using std::chrono::milliseconds;

/// How long the event loop may be without looking whether it is to end.
constexpr int kLoopPulseMilliseconds = 200;
/// Domains that come and go for years are not to fill the memory.
constexpr std::size_t kMaxRememberedDepartures = 4096;

std::string name_of(virDomainPtr domain) {
  const char* name = virDomainGetName(domain);
  return name == nullptr ? "" : name;
}

std::string uuid_of(virDomainPtr domain) {
  std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
  return virDomainGetUUIDString(domain, uuid.data()) == 0 ? uuid.data() : "";
}

DomainState state_of(int state) {
  switch (state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED: return DomainState::kRunning;
    case VIR_DOMAIN_PAUSED: return DomainState::kPaused;
    case VIR_DOMAIN_SHUTDOWN:
    case VIR_DOMAIN_SHUTOFF: return DomainState::kShutOff;
    case VIR_DOMAIN_CRASHED: return DomainState::kCrashed;
    default: return DomainState::kOther;
  }
}

PauseCause pause_of(int state, int reason) {
  if (state != VIR_DOMAIN_PAUSED) return PauseCause::kNone;
  switch (reason) {
    case VIR_DOMAIN_PAUSED_STARTING_UP: return PauseCause::kStartingUp;
    case VIR_DOMAIN_PAUSED_USER: return PauseCause::kSomebody;
    case VIR_DOMAIN_PAUSED_IOERROR: return PauseCause::kDiskError;
    default: return PauseCause::kOther;
  }
}

Result<std::string> definition_of(virDomainPtr domain, unsigned flags) {
  char* text = virDomainGetXMLDesc(domain, flags);
  if (text == nullptr) return fail(libvirt_error(domain_object(uuid_of(domain))));
  return take_text(text);
}

void pulse(int /*timer*/, void* /*data*/) {}

/// libvirt's event loop, registered once for the life of the process.
bool register_event_loop() {
  static const bool registered = [] {
    const bool ok = virEventRegisterDefaultImpl() == 0;
    return ok && virEventAddTimeout(kLoopPulseMilliseconds, pulse, nullptr, nullptr) >= 0;
  }();
  return registered;
}

}  // namespace

LibvirtHypervisor::LibvirtHypervisor(std::string uri, const Clock& clock, Logger& log, EventTurn turn)
    : uri_(std::move(uri)),
      clock_(clock),
      log_(log),
      turn_(std::move(turn)),
      last_error_(make_error(ErrorCode::kUnavailable, "not connected yet").on(uri_)) {}

LibvirtHypervisor::~LibvirtHypervisor() = default;

void LibvirtHypervisor::subscribe(std::function<void(const std::string&)> changed) {
  changed_ = std::move(changed);
}

Result<std::shared_ptr<LibvirtHypervisor::Connection>> LibvirtHypervisor::connect() {
  if (!register_event_loop()) return fail(libvirt_error("event loop"));
  return Connection::open(uri_, {changed_, [this](const std::string& uuid, bool is_elsewhere) {
                                   remember_place(uuid, is_elsewhere);
                                 }});
}

void LibvirtHypervisor::run(std::stop_token stop) {
  RetryPause pause;
  while (!stop.stop_requested()) {
    auto opened = connect();
    if (!opened) {
      log_.warning("The hypervisor cannot be reached", {{"error", opened.error().to_string()}});
      {
        std::lock_guard lock(mutex_);
        last_error_ = opened.error();
      }
      pause_for(pause.after_failure(), stop);
      continue;
    }
    {
      std::lock_guard lock(mutex_);
      connection_ = *opened;
    }
    const MonotonicTime since = clock_.monotonic();
    connected_.notify_all();
    log_.info("Connected to the hypervisor", {{"uri", uri_}});
    if (changed_) changed_("");
    serve(*opened, stop);
    opened->reset();
    {
      std::lock_guard lock(mutex_);
      connection_.reset();
      last_error_ = make_error(ErrorCode::kUnavailable, "the connection was closed").on(uri_);
    }
    pause_for(pause.after_success(clock_.monotonic() - since), stop);
  }
}

bool LibvirtHypervisor::turn_of_event_loop() {
  return virEventRunDefaultImpl() == 0;
}

/// Delivers events until the connection is gone.
void LibvirtHypervisor::serve(const std::shared_ptr<Connection>& connection, const std::stop_token& stop) {
  while (!stop.stop_requested() && !connection->is_closed()) {
    if (turn_()) continue;
    log_.warning("The hypervisor's events cannot be delivered, it is connected to anew",
                 {{"error", libvirt_error("event loop").to_string()}});
    return;
  }
}

void LibvirtHypervisor::pause_for(milliseconds pause, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    std::lock_guard lock(mutex_);
    connected_.notify_all();
  });
  const MonotonicTime end = clock_.monotonic() + pause;
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && clock_.monotonic() < end) clock_.wait_until(lock, connected_, end);
}

Result<void> LibvirtHypervisor::wait_until_connected(MonotonicTime deadline, std::stop_token stop) {
  const std::stop_callback wake(stop, [this] { connected_.notify_all(); });
  std::unique_lock lock(mutex_);
  while (connection_ == nullptr) {
    if (stop.stop_requested() || clock_.monotonic() >= deadline) return fail(last_error_);
    clock_.wait_until(lock, connected_, deadline);
  }
  return {};
}

Result<std::shared_ptr<LibvirtHypervisor::Connection>> LibvirtHypervisor::connection() {
  std::lock_guard lock(mutex_);
  if (connection_ == nullptr) return fail(last_error_);
  return connection_;
}

Result<std::vector<DomainSummary>> LibvirtHypervisor::list() {
  const auto connected = connection();
  if (!connected) return fail(connected.error());
  virDomainPtr* domains = nullptr;
  const int count = virConnectListAllDomains((*connected)->get(), &domains, 0);
  if (count < 0) return fail(libvirt_error(uri_));
  std::vector<DomainSummary> summaries;
  for (int i = 0; i < count; ++i) {
    const LibvirtDomain domain(domains[i], &virDomainFree);
    summaries.push_back({name_of(domain.get()), uuid_of(domain.get()), virDomainIsActive(domain.get()) == 1});
  }
  std::free(static_cast<void*>(domains));
  return summaries;
}

Result<DomainStatus> LibvirtHypervisor::status(const std::string& uuid) {
  return with_domain(uuid, [&](virDomainPtr domain) -> Result<DomainStatus> {
    int state = 0;
    int reason = 0;
    if (virDomainGetState(domain, &state, &reason, 0) < 0) return fail(libvirt_error(domain_object(uuid)));
    DomainStatus status;
    status.state = state_of(state);
    status.pause = pause_of(state, reason);
    status.is_active = virDomainIsActive(domain) == 1;
    status.is_migrated = state == VIR_DOMAIN_SHUTOFF && reason == VIR_DOMAIN_SHUTOFF_MIGRATED;
    status.is_persistent = virDomainIsPersistent(domain) == 1;
    int autostart = 0;
    if (status.is_persistent && virDomainGetAutostart(domain, &autostart) < 0)
      return fail(libvirt_error(domain_object(uuid)));
    status.autostart = autostart != 0;
    return status;
  });
}

bool LibvirtHypervisor::has_left(const std::string& uuid) const {
  std::lock_guard lock(mutex_);
  return left_.contains(uuid);
}

/// Of the connection's thread.
void LibvirtHypervisor::remember_place(const std::string& uuid, bool is_elsewhere) {
  std::lock_guard lock(mutex_);
  if (!is_elsewhere) {
    left_.erase(uuid);
    return;
  }
  if (left_.size() >= kMaxRememberedDepartures) left_.erase(left_.begin());
  left_.insert(uuid);
}

Result<std::string> LibvirtHypervisor::live_definition(const std::string& uuid) {
  return with_domain(uuid, [&](virDomainPtr domain) -> Result<std::string> {
    if (virDomainIsActive(domain) != 1)
      return fail(make_error(ErrorCode::kConflict, "it does not run").on(domain_object(uuid)));
    return definition_of(domain, 0);
  });
}

Result<std::string> LibvirtHypervisor::persistent_definition(const std::string& uuid) {
  return persistent(uuid, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
}

Result<std::string> LibvirtHypervisor::plain_definition(const std::string& uuid) {
  return persistent(uuid, VIR_DOMAIN_XML_INACTIVE);
}

Result<std::string> LibvirtHypervisor::persistent(const std::string& uuid, unsigned flags) {
  return with_domain(uuid, [&](virDomainPtr domain) -> Result<std::string> {
    if (virDomainIsPersistent(domain) != 1)
      return fail(make_error(ErrorCode::kConflict, "it is transient").on(domain_object(uuid)));
    return definition_of(domain, flags);
  });
}

Result<void> LibvirtHypervisor::define(const std::string& definition) {
  const auto connected = connection();
  if (!connected) return fail(connected.error());
  const LibvirtDomain defined(
      virDomainDefineXMLFlags((*connected)->get(), definition.c_str(), VIR_DOMAIN_DEFINE_VALIDATE),
      &virDomainFree);
  if (defined == nullptr) return fail(libvirt_error("a definition"));
  return {};
}

Result<void> LibvirtHypervisor::set_autostart(const std::string& uuid, bool autostart) {
  return with_domain(uuid, [&](virDomainPtr domain) {
    return checked(virDomainSetAutostart(domain, autostart ? 1 : 0), domain_object(uuid));
  });
}

Result<void> LibvirtHypervisor::set_live_mark(const std::string& uuid, const std::string& mark) {
  const MarkName name = quarantine_mark_name();
  return with_domain(uuid, [&](virDomainPtr domain) {
    return checked(
        virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, mark.empty() ? nullptr : mark.c_str(),
                             name.prefix, name.uri, VIR_DOMAIN_AFFECT_LIVE),
        domain_object(uuid));
  });
}

Result<void> LibvirtHypervisor::update_device(const std::string& uuid, const std::string& device) {
  return with_domain(uuid, [&](virDomainPtr domain) {
    return checked(virDomainUpdateDeviceFlags(domain, device.c_str(), VIR_DOMAIN_AFFECT_LIVE),
                   domain_object(uuid));
  });
}

Result<void> LibvirtHypervisor::attach_device(const std::string& uuid, const std::string& device) {
  return with_domain(uuid, [&](virDomainPtr domain) {
    return checked(virDomainAttachDeviceFlags(domain, device.c_str(), VIR_DOMAIN_AFFECT_LIVE),
                   domain_object(uuid));
  });
}

Result<void> LibvirtHypervisor::detach_device(const std::string& uuid, const std::string& device) {
  return with_domain(uuid, [&](virDomainPtr domain) {
    return checked(virDomainDetachDeviceFlags(domain, device.c_str(), VIR_DOMAIN_AFFECT_LIVE),
                   domain_object(uuid));
  });
}

Result<void> LibvirtHypervisor::pause(const std::string& uuid) {
  return with_domain(
      uuid, [&](virDomainPtr domain) { return checked(virDomainSuspend(domain), domain_object(uuid)); });
}

Result<void> LibvirtHypervisor::resume(const std::string& uuid) {
  return with_domain(
      uuid, [&](virDomainPtr domain) { return checked(virDomainResume(domain), domain_object(uuid)); });
}

Result<std::string> LibvirtHypervisor::filter_definition(const std::string& name) {
  const auto connected = connection();
  if (!connected) return fail(connected.error());
  const LibvirtFilter filter(virNWFilterLookupByName((*connected)->get(), name.c_str()), &virNWFilterFree);
  if (filter == nullptr) return fail(libvirt_error("nwfilter " + name));
  char* text = virNWFilterGetXMLDesc(filter.get(), 0);
  if (text == nullptr) return fail(libvirt_error("nwfilter " + name));
  return take_text(text);
}

Result<void> LibvirtHypervisor::define_filter(const std::string& definition) {
  const auto connected = connection();
  if (!connected) return fail(connected.error());
  const LibvirtFilter made(virNWFilterDefineXML((*connected)->get(), definition.c_str()), &virNWFilterFree);
  if (made == nullptr) return fail(libvirt_error("an nwfilter"));
  return {};
}

}  // namespace kintsugi::targets
