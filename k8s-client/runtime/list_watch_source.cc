// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/list_watch_source.h"

#include <utility>

namespace kintsugi::k8s {
namespace {

/// A first page of a large cluster takes the server its time.
constexpr std::chrono::milliseconds kListTimeout{30'000};

}  // namespace

ClientListWatchSource::ClientListWatchSource(Client& client, const Resource& resource, std::string name_space)
    : client_(client), resource_(resource), name_space_(std::move(name_space)) {}

ApiResult<std::string> ClientListWatchSource::list_page(const ListParams& params, std::stop_token stop) {
  CallOptions call;
  call.timeout = kListTimeout;
  call.stop = std::move(stop);
  return client_.list_page(resource_, name_space_, params, call);
}

ApiResult<void> ClientListWatchSource::watch(const WatchParams& params, std::stop_token stop,
                                             const net::BodySink& on_body) {
  return client_.watch(resource_, name_space_, params, std::move(stop), on_body);
}

}  // namespace kintsugi::k8s
