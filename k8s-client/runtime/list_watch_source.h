// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "k8s-client/client/client.h"
#include "k8s-client/runtime/reflector.h"

namespace kintsugi::k8s {

/// One collection of the API server, through its client.
class ClientListWatchSource final : public ListWatchSource {
 public:
  /// `client` must outlive the source; so must what `resource` refers to. An empty namespace means all of them.
  ClientListWatchSource(Client& client, const Resource& resource, std::string name_space);

  ApiResult<std::string> list_page(const ListParams& params, std::stop_token stop) override;
  ApiResult<void> watch(const WatchParams& params, std::stop_token stop, const net::BodySink& on_body) override;

 private:
  Client& client_;
  const Resource resource_;
  const std::string name_space_;
};

}  // namespace kintsugi::k8s
