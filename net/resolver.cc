// SPDX-License-Identifier: Apache-2.0
#include "net/resolver.h"

#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>

#include "net/io_thread.h"

namespace kintsugi::net {
namespace {

using Addresses = Result<std::vector<SocketAddress>>;

Addresses look_up(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* first = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &first);
  if (error != 0) {
    return fail(make_error(ErrorCode::kUnavailable,
                           std::string("the name cannot be resolved: ") + gai_strerror(error))
                    .advise("check the name and the DNS servers of this machine"));
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* info = first; info != nullptr; info = info->ai_next) {
    SocketAddress& address = addresses.emplace_back();
    std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    address.size = info->ai_addrlen;
  }
  freeaddrinfo(first);
  return addresses;
}

struct LookUp {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::optional<Addresses> answer;
};

}  // namespace

Addresses resolve(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout,
                  std::stop_token stop) {
  if (Addresses numeric = look_up(host, port, AI_NUMERICHOST)) return numeric;
  const auto look_up_under_way = std::make_shared<LookUp>();
  start_io_thread("resolver", [look_up_under_way, host, port] {
    Addresses answer = look_up(host, port, AI_ADDRCONFIG);
    const std::lock_guard lock(look_up_under_way->mutex);
    look_up_under_way->answer = std::move(answer);
    look_up_under_way->changed.notify_all();
  }).detach();
  std::unique_lock lock(look_up_under_way->mutex);
  look_up_under_way->changed.wait_for(lock, stop, timeout,
                                      [&] { return look_up_under_way->answer.has_value(); });
  if (look_up_under_way->answer) return std::move(*look_up_under_way->answer);
  if (stop.stop_requested()) return fail(ErrorCode::kCancelled, "stopped while the name was being resolved");
  return fail(make_error(ErrorCode::kTimeout, "the name was not resolved in time")
                  .advise("check the DNS servers of this machine"));
}

}  // namespace kintsugi::net
