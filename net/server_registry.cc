// SPDX-License-Identifier: Apache-2.0
#include "net/server_registry.h"

#include <thread>

#include "net/io_thread.h"
#include "net/server_response.h"
#include "net/server_session.h"

namespace kintsugi::net {

bool ServerRegistry::admit(const std::string& address) {
  const std::lock_guard lock(mutex_);
  if (draining_ || connections_ >= options.limits.max_connections) return false;
  std::size_t& of_address = connections_by_address_[address];
  if (of_address >= options.limits.max_connections_per_peer) return false;
  ++of_address;
  ++connections_;
  return true;
}

void ServerRegistry::add(std::shared_ptr<ServerSession> session) {
  const std::lock_guard lock(mutex_);
  sessions_.emplace(session.get(), std::move(session));
}

void ServerRegistry::remove(const std::shared_ptr<ServerSession>& session, const std::string& address) {
  const std::lock_guard lock(mutex_);
  sessions_.erase(session.get());
  --connections_;
  if (const auto found = connections_by_address_.find(address); --found->second == 0) {
    connections_by_address_.erase(found);
  }
  changed_.notify_all();
}

std::vector<std::shared_ptr<ServerSession>> ServerRegistry::sessions() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<ServerSession>> all;
  for (const auto& [key, session] : sessions_) all.push_back(session);
  return all;
}

HttpResponse ServerRegistry::refusal(int status) const {
  if (!options.refusal) return plain_response(status);
  try {
    HttpResponse response = options.refusal(status);
    response.status = status;
    return response;
  } catch (const std::exception& bug) {
    log.error("making a refusal threw", {{"what", bug.what()}});
    return plain_response(status);
  }
}

bool ServerRegistry::start_websocket(std::function<void()> serve) {
  {
    const std::lock_guard lock(mutex_);
    if (websockets_ >= options.limits.max_websockets) return false;
    ++websockets_;
  }
  start_io_thread("websocket", [this, serve = std::move(serve)]() mutable {
    serve();
    serve = nullptr;  // before the server may go
    const std::lock_guard lock(mutex_);
    --websockets_;
    changed_.notify_all();
  }).detach();
  return true;
}

bool ServerRegistry::wait_empty_until(MonotonicTime deadline) const {
  std::unique_lock lock(mutex_);
  while (!is_empty() && clock.monotonic() < deadline) clock.wait_until(lock, changed_, deadline);
  return is_empty();
}

void ServerRegistry::wait_empty() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return is_empty(); });
}

void ServerRegistry::Link::run(const std::weak_ptr<ServerSession>& session,
                               const std::function<void(ServerSession&)>& work) {
  const std::lock_guard lock(mutex_);
  if (cut_) return;
  if (const auto alive = session.lock()) work(*alive);
}

void ServerRegistry::Link::cut() {
  const std::lock_guard lock(mutex_);
  cut_ = true;
}

}  // namespace kintsugi::net
