// SPDX-License-Identifier: Apache-2.0
#include "net/server_registry.h"

#include <thread>

#include "net/io_thread.h"
#include "net/server_response.h"
#include "net/server_session.h"

namespace kintsugi::net {

bool ServerRegistry::admit(const std::string& address) {
  std::shared_ptr<ServerSession> gives_way;
  {
    const std::lock_guard lock(mutex_);
    if (draining_) return false;
    const auto found = connections_by_address_.find(address);
    const bool peer_is_full =
        found != connections_by_address_.end() && found->second >= options.limits.max_connections_per_peer;
    if (peer_is_full || connections_ >= options.limits.max_connections) {
      gives_way = take_place_of_idle(peer_is_full ? address : "");
      if (gives_way == nullptr) return false;
    }
    ++connections_by_address_[address];
    ++connections_;
  }
  if (gives_way != nullptr) gives_way->post([](ServerSession& session) { session.close(); });
  return true;
}

std::shared_ptr<ServerSession> ServerRegistry::take_place_of_idle(const std::string& address) {
  Entry* chosen = nullptr;
  std::size_t most = 0;
  for (auto& [key, entry] : sessions_) {
    if (entry.idle_since == kBusy || entry.gave_way) continue;
    if (!address.empty() && entry.address != address) continue;
    const std::size_t connections = connections_by_address_.at(entry.address);
    if (connections < most) continue;
    if (connections == most && entry.idle_since > chosen->idle_since) continue;
    most = connections;
    chosen = &entry;
  }
  if (chosen == nullptr) return nullptr;
  chosen->gave_way = true;
  discount(chosen->address);
  return chosen->session;
}

void ServerRegistry::discount(const std::string& address) {
  --connections_;
  const auto found = connections_by_address_.find(address);
  if (--found->second == 0) connections_by_address_.erase(found);
}

void ServerRegistry::add(std::shared_ptr<ServerSession> session, const std::string& address) {
  const std::lock_guard lock(mutex_);
  const ServerSession* key = session.get();
  sessions_.emplace(key, Entry{std::move(session), address, ++idle_count_, false});
}

void ServerRegistry::remove(ServerSession& session) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(&session);
  if (!found->second.gave_way) discount(found->second.address);
  sessions_.erase(found);
  changed_.notify_all();
}

bool ServerRegistry::start_exchange(ServerSession& session) {
  const std::lock_guard lock(mutex_);
  Entry& entry = sessions_.at(&session);
  entry.idle_since = kBusy;
  return !entry.gave_way;
}

void ServerRegistry::end_exchange(ServerSession& session) {
  const std::lock_guard lock(mutex_);
  sessions_.at(&session).idle_since = ++idle_count_;
}

std::vector<std::shared_ptr<ServerSession>> ServerRegistry::sessions() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<ServerSession>> all;
  for (const auto& [key, entry] : sessions_) all.push_back(entry.session);
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

bool ServerRegistry::start_websocket(const ServerSession& session, std::function<void()> serve) {
  {
    const std::lock_guard lock(mutex_);
    if (!sessions_.contains(&session) || websockets_ >= options.limits.max_websockets) return false;
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
