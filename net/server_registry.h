// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "net/http_server.h"

namespace kintsugi::net {

class ServerSession;

/// What the sessions of a server share, and the count of what is open. Thread-safe. Outlives the sessions.
class ServerRegistry {
 public:
  ServerRegistry(ServerOptions server_options, Logger& logger)
      : options(std::move(server_options)), log(logger), link_(std::make_shared<Link>()) {}

  const ServerOptions options;
  Logger& log;
  const SystemClock clock;

  /// Counts a connection from this address, over a limit in place of an idle one, which is closed; false (and
  /// not counted) where nobody can give way.
  bool admit(const std::string& address);
  /// Keeps an admitted session until remove(). It is idle.
  void add(std::shared_ptr<ServerSession> session, const std::string& address);
  void remove(ServerSession& session);
  /// The session has a request that must be answered. False: its place is another's, it must close.
  bool start_exchange(ServerSession& session);
  /// The session is idle from now on.
  void end_exchange(ServerSession& session);
  std::vector<std::shared_ptr<ServerSession>> sessions() const;

  /// After this, exchanges end with their connection.
  void start_draining() { draining_ = true; }
  bool draining() const { return draining_; }

  /// The server's own answer with this status, in the form that its owner wants.
  HttpResponse refusal(int status) const;

  /// Runs `serve` on a thread of its own; false over max_websockets, and for a session that has ended: the
  /// server may be gone already when the thread starts.
  bool start_websocket(const ServerSession& session, std::function<void()> serve);

  /// True when no connection, no session and no WebSocket thread is left. Once it is draining that is final.
  bool wait_empty_until(MonotonicTime deadline) const;
  void wait_empty() const;

  /// How code outside the server's threads reaches a session: not at all once cut() has returned, so that
  /// nothing touches a server that is gone.
  class Link {
   public:
    void run(const std::weak_ptr<ServerSession>& session, const std::function<void(ServerSession&)>& work);
    void cut();

   private:
    std::mutex mutex_;
    bool cut_ = false;
  };
  const std::shared_ptr<Link>& link() const { return link_; }

 private:
  struct Entry {
    std::shared_ptr<ServerSession> session;
    std::string address;
    std::uint64_t idle_since = 0;  ///< a count, not a time; kBusy: it is not
    bool gave_way = false;         ///< counted no more
  };

  static constexpr std::uint64_t kBusy = std::numeric_limits<std::uint64_t>::max();

  bool is_empty() const { return connections_ == 0 && sessions_.empty() && websockets_ == 0; }
  /// The entry that gives way to a connection from `address`, counted no more; nullptr: none can.
  std::shared_ptr<ServerSession> take_place_of_idle(const std::string& address);
  void discount(const std::string& address);

  const std::shared_ptr<Link> link_;
  std::atomic<bool> draining_ = false;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::size_t connections_ = 0;
  std::size_t websockets_ = 0;
  std::unordered_map<std::string, std::size_t> connections_by_address_;
  std::uint64_t idle_count_ = 0;
  std::unordered_map<const ServerSession*, Entry> sessions_;
};

}  // namespace kintsugi::net
