// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/libvirt_connection.h"

#include <libvirt/virterror.h>

#include <array>
#include <cstdlib>

#include "base/escape.h"

namespace kintsugi::targets {
namespace {

// A daemon that does not answer for a quarter of a minute is gone.
constexpr int kKeepAliveSeconds = 5;
constexpr unsigned kKeepAliveCount = 3;

ErrorCode code_of(const virError& error) {
  switch (error.code) {
    case VIR_ERR_NO_DOMAIN:
    case VIR_ERR_NO_NWFILTER:
    case VIR_ERR_NO_NETWORK:
    case VIR_ERR_DEVICE_MISSING: return ErrorCode::kNotFound;
    case VIR_ERR_DOM_EXIST: return ErrorCode::kAlreadyExists;
    case VIR_ERR_OPERATION_TIMEOUT:
    case VIR_ERR_AGENT_UNRESPONSIVE:
    case VIR_ERR_RESOURCE_BUSY: return ErrorCode::kTimeout;
    case VIR_ERR_AUTH_FAILED:
    case VIR_ERR_AUTH_CANCELLED:
    case VIR_ERR_AUTH_UNAVAILABLE: return ErrorCode::kUnauthorized;
    case VIR_ERR_ACCESS_DENIED:
    case VIR_ERR_OPERATION_DENIED: return ErrorCode::kForbidden;
    case VIR_ERR_NO_SUPPORT:
    case VIR_ERR_OPERATION_UNSUPPORTED:
    case VIR_ERR_CONFIG_UNSUPPORTED:
    case VIR_ERR_ARGUMENT_UNSUPPORTED: return ErrorCode::kUnsupported;
    case VIR_ERR_OPERATION_ABORTED: return ErrorCode::kCancelled;
    case VIR_ERR_BLOCK_COPY_ACTIVE:
    case VIR_ERR_OPERATION_INVALID: return ErrorCode::kConflict;
    case VIR_ERR_XML_ERROR:
    case VIR_ERR_XML_DETAIL:
    case VIR_ERR_XML_INVALID_SCHEMA:
    case VIR_ERR_INVALID_ARG: return ErrorCode::kInvalidInput;
    case VIR_ERR_RPC:
    case VIR_ERR_NO_CONNECT:
    case VIR_ERR_INVALID_CONN:
    case VIR_ERR_SYSTEM_ERROR: return ErrorCode::kUnavailable;
    default: return ErrorCode::kInternal;
  }
}

void say_nothing(void* /*data*/, virErrorPtr /*error*/) {}

/// Empty: it cannot be told.
std::string uuid_of(virDomainPtr domain) {
  std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
  return virDomainGetUUIDString(domain, uuid.data()) == 0 ? uuid.data() : "";
}

}  // namespace

std::string domain_object(const std::string& uuid) {
  return "domain " + escape(uuid, 64);
}

Error libvirt_error(const std::string& object) {
  const virErrorPtr last = virGetLastError();
  if (last == nullptr)
    return make_error(ErrorCode::kInternal, "libvirt failed without saying why").on(object);
  const char* text = last->message == nullptr ? "" : last->message;
  Error error = make_error(code_of(*last), escape(text, 512)).on(object);
  error.outcome_unknown = error.code == ErrorCode::kUnavailable && last->domain == VIR_FROM_RPC;
  return error;
}

Result<void> checked(int result, const std::string& object) {
  if (result < 0) return fail(libvirt_error(object));
  return {};
}

std::string take_text(char* text) {
  const std::unique_ptr<char, decltype(&std::free)> owner(text, &std::free);
  return text == nullptr ? "" : text;
}

Result<std::shared_ptr<LibvirtHypervisor::Connection>> LibvirtHypervisor::Connection::open(
    const std::string& uri, Listener listener) {
  virSetErrorFunc(nullptr, say_nothing);  // it writes to standard error otherwise
  const virConnectPtr opened = virConnectOpen(uri.c_str());
  if (opened == nullptr) {
    Error error = libvirt_error(uri);
    error.outcome_unknown = false;
    return fail(std::move(error));
  }
  std::shared_ptr<Connection> connection(new Connection(opened, std::move(listener)));
  if (auto registered = connection->register_events(); !registered) return fail(registered.error());
  return connection;
}

LibvirtHypervisor::Connection::Connection(virConnectPtr connection, Listener listener)
    : connection_(connection), events_(std::make_shared<Events>()) {
  events_->listener = std::move(listener);
}

LibvirtHypervisor::Connection::~Connection() {
  for (const int callback : callbacks_) virConnectDomainEventDeregisterAny(connection_, callback);
  virConnectUnregisterCloseCallback(connection_, on_close);
  virConnectClose(connection_);
}

Result<void> LibvirtHypervisor::Connection::register_events() {
  using Share = std::shared_ptr<Events>;
  const virFreeCallback give_up = [](void* share) { delete static_cast<Share*>(share); };
  // A driver within the process has no keep-alive and needs none.
  virConnectSetKeepAlive(connection_, kKeepAliveSeconds, kKeepAliveCount);
  // Once this one is taken back it does not run any more, and drivers that have no use for it free nothing.
  virConnectRegisterCloseCallback(connection_, on_close, events_.get(), nullptr);
  const std::array<std::pair<int, virConnectDomainEventGenericCallback>, 2> wanted{{
      {VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)},
      {VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_change)},
  }};
  for (const auto& [event, callback] : wanted) {
    auto share = std::make_unique<Share>(events_);
    const int id =
        virConnectDomainEventRegisterAny(connection_, nullptr, event, callback, share.get(), give_up);
    if (id < 0) return fail(libvirt_error("events"));
    share.release();
    callbacks_.push_back(id);
  }
  return {};
}

void LibvirtHypervisor::Connection::on_close(virConnectPtr /*connection*/, int /*reason*/, void* events) {
  static_cast<Events*>(events)->is_closed = true;
}

int LibvirtHypervisor::Connection::on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event,
                                                int detail, void* events) {
  const Listener& listener = (*static_cast<const std::shared_ptr<Events>*>(events))->listener;
  const bool has_ended = event == VIR_DOMAIN_EVENT_STOPPED;
  if (has_ended || event == VIR_DOMAIN_EVENT_STARTED) {
    const std::string uuid = uuid_of(domain);
    if (!uuid.empty()) listener.moved(uuid, has_ended && detail == VIR_DOMAIN_EVENT_STOPPED_MIGRATED);
  }
  on_change(connection, domain, events);
  return 0;
}

void LibvirtHypervisor::Connection::on_change(virConnectPtr /*connection*/, virDomainPtr domain,
                                              void* events) {
  const Listener& listener = (*static_cast<const std::shared_ptr<Events>*>(events))->listener;
  const std::string uuid = uuid_of(domain);
  if (!uuid.empty() && listener.changed) listener.changed(uuid);
}

Result<LibvirtDomain> LibvirtHypervisor::Connection::domain(const std::string& uuid) const {
  LibvirtDomain found(virDomainLookupByUUIDString(connection_, uuid.c_str()), &virDomainFree);
  if (found == nullptr) return fail(libvirt_error(domain_object(uuid)));
  return found;
}

}  // namespace kintsugi::targets
