// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/client_adapters.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/document.h"
#include "base/time.h"

namespace kintsugi::k8s {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// A relist comes in one page, and a large collection takes the server a while.
constexpr auto kListTimeout = 60s;

CallOptions call_options(net::Priority priority, std::chrono::nanoseconds timeout, std::stop_token stop) {
  CallOptions call;
  call.priority = priority;
  call.timeout = std::chrono::ceil<std::chrono::milliseconds>(timeout);
  call.stop = std::move(stop);
  return call;
}

/// The member, where it has the type of `fallback`; else `fallback`. Stamps and counts decide nothing that a
/// missing one could break.
template <class T>
T member_or(const json& object, const char* name, T fallback) {
  const auto found = object.find(name);
  if (found == object.end()) return fallback;
  if constexpr (std::is_same_v<T, std::string>) {
    return found->is_string() ? found->get<std::string>() : fallback;
  } else {
    return found->is_number_integer() ? found->get<T>() : fallback;
  }
}

WallTime time_or_epoch(const json& object, const char* name) {
  return parse_rfc3339(member_or(object, name, std::string())).value_or(WallTime{});
}

/// A foreign lease without a duration is taken as valid for the usual one, not for none.
LeaseRecord to_record(const json& lease) {
  const json empty = json::object();
  const auto member = [&](const char* name) -> const json& {
    const auto found = lease.find(name);
    return found != lease.end() && found->is_object() ? *found : empty;
  };
  const json& spec = member("spec");
  LeaseRecord record;
  record.holder = member_or(spec, "holderIdentity", std::string());
  record.duration = std::chrono::seconds(member_or<std::int64_t>(spec, "leaseDurationSeconds", 15));
  record.acquired = time_or_epoch(spec, "acquireTime");
  record.renewed = time_or_epoch(spec, "renewTime");
  record.transitions = member_or<std::int64_t>(spec, "leaseTransitions", 0);
  record.resource_version = member_or(member("metadata"), "resourceVersion", std::string());
  return record;
}

void apply(const LeaseRecord& record, json& lease) {
  json& spec = lease["spec"];
  if (!spec.is_object()) spec = json::object();
  spec["holderIdentity"] = record.holder;
  spec["leaseDurationSeconds"] = record.duration.count();
  spec["acquireTime"] = format_micros(record.acquired);
  spec["renewTime"] = format_micros(record.renewed);
  spec["leaseTransitions"] = record.transitions;
}

}  // namespace

ClientListWatchSource::ClientListWatchSource(Client& client, const Resource& resource, std::string name_space,
                                             net::Priority priority)
    : client_(client), resource_(resource), name_space_(std::move(name_space)), priority_(priority) {}

ApiResult<std::string> ClientListWatchSource::list_page(const ListParams& params, std::stop_token stop) {
  return client_.list_page(resource_, name_space_, params,
                           call_options(priority_, kListTimeout, std::move(stop)));
}

ApiResult<void> ClientListWatchSource::watch(const WatchParams& params, std::stop_token stop,
                                             const net::BodySink& on_body) {
  return client_.watch(resource_, name_space_, params, std::move(stop), on_body);
}

ClientLeaseStore::ClientLeaseStore(Client& client, ObjectKey key) : client_(client), key_(std::move(key)) {}
ClientLeaseStore::~ClientLeaseStore() = default;

ApiResult<std::optional<LeaseRecord>> ClientLeaseStore::get(std::chrono::nanoseconds timeout,
                                                            std::stop_token stop) {
  auto lease =
      client_.get(kLeases, key_, call_options(net::Priority::kContainment, timeout, std::move(stop)));
  if (lease)
    return remember(std::move(*lease)).map([](LeaseRecord record) {
      return std::optional(std::move(record));
    });
  last_.reset();
  if (lease.error().code == ErrorCode::kNotFound) return std::optional<LeaseRecord>();
  return tl::unexpected(std::move(lease).error());
}

ApiResult<LeaseRecord> ClientLeaseStore::put(const LeaseRecord& record, std::chrono::nanoseconds timeout,
                                             std::stop_token stop) {
  const auto call = call_options(net::Priority::kContainment, timeout, std::move(stop));
  json lease = last_ ? *last_ : json::object();
  lease["metadata"]["name"] = key_.name;
  lease["metadata"]["namespace"] = key_.name_space;
  apply(record, lease);
  if (record.resource_version.empty()) {
    lease["apiVersion"] = kLeases.api_version();
    lease["kind"] = kLeases.kind;
    lease["metadata"].erase("resourceVersion");
    return client_.create(kLeases, key_.name_space, lease, call).and_then([this](json stored) {
      return remember(std::move(stored));
    });
  }
  lease["metadata"]["resourceVersion"] = record.resource_version;
  return client_.update(kLeases, key_, lease, call).and_then([this](json stored) {
    return remember(std::move(stored));
  });
}

ApiResult<LeaseRecord> ClientLeaseStore::remember(json lease) {
  LeaseRecord record = to_record(lease);
  last_ = std::make_unique<json>(std::move(lease));
  return record;
}

ApiResult<void> ClientEventSink::create(const std::string& name_space, const std::string& event,
                                        std::stop_token stop) {
  auto document = parse_json(event);
  if (!document) return tl::unexpected(transport_error(std::move(document).error(), "event"));
  return client_
      .create(kEvents, name_space, *document, call_options(net::Priority::kBackground, 5s, std::move(stop)))
      .map([](const json&) {});
}

ApiResult<void> ClientEventSink::patch(const ObjectKey& key, const std::string& patch, std::stop_token stop) {
  return client_
      .patch_text(kEvents, key, patch, "", call_options(net::Priority::kBackground, 5s, std::move(stop)))
      .map([](const json&) {});
}

}  // namespace kintsugi::k8s
