// SPDX-License-Identifier: Apache-2.0
//
// The runtime's narrow interfaces over a Client. Each is used from one thread, as its interface says.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "k8s-client/client/client.h"
#include "k8s-client/core/resource.h"
#include "k8s-client/runtime/event_recorder.h"
#include "k8s-client/runtime/lease_elector.h"
#include "k8s-client/runtime/reflector.h"

namespace kintsugi::k8s {

/// One collection: of a namespace, or of all where `name_space` is empty. `client` must outlive this object.
class ClientListWatchSource final : public ListWatchSource {
 public:
  ClientListWatchSource(Client& client, const Resource& resource, std::string name_space = "",
                        net::Priority priority = net::Priority::kNormal);

  ApiResult<std::string> list_page(const ListParams& params, std::stop_token stop) override;
  ApiResult<void> watch(const WatchParams& params, std::stop_token stop,
                        const net::BodySink& on_body) override;

 private:
  Client& client_;
  const Resource resource_;
  const std::string name_space_;
  const net::Priority priority_;
};

/// One Lease object. What others keep in it (labels, fields of tomorrow) survives updates. `client` should
/// have a transport and a rate limiter of its own (K8.5); calls go out with containment priority, which waits
/// for no token.
class ClientLeaseStore final : public LeaseStore {
 public:
  ClientLeaseStore(Client& client, ObjectKey key);
  ~ClientLeaseStore() override;

  ApiResult<std::optional<LeaseRecord>> get(std::chrono::nanoseconds timeout, std::stop_token stop) override;
  ApiResult<LeaseRecord> put(const LeaseRecord& record, std::chrono::nanoseconds timeout,
                             std::stop_token stop) override;

 private:
  ApiResult<LeaseRecord> remember(nlohmann::json lease);

  Client& client_;
  const ObjectKey key_;
  std::unique_ptr<nlohmann::json> last_;  ///< the object as last read or written
};

class ClientEventSink final : public EventSink {
 public:
  explicit ClientEventSink(Client& client) : client_(client) {}

  ApiResult<void> create(const std::string& name_space, const std::string& event,
                         std::stop_token stop) override;
  ApiResult<void> patch(const ObjectKey& key, const std::string& patch, std::stop_token stop) override;

 private:
  Client& client_;
};

}  // namespace kintsugi::k8s
