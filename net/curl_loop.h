// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "net/curl_easy.h"
#include "net/curl_exchange.h"
#include "net/curl_transport.h"

namespace kintsugi::net {

/// The one I/O thread and the multi handle that it owns.
///
/// Every connection_pool has a connection cache of its own (a CURLSH that shares connections): libcurl would
/// let a watch, a lease and a write queue behind each other's connection state otherwise. How many exchanges
/// run at once is counted here, per pool and authority, and not left to libcurl, whose queue knows no
/// priorities.
class CurlLoop {
 public:
  explicit CurlLoop(CurlOptions options);
  /// Every exchange must have ended.
  ~CurlLoop();
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;

  // Thread-safe, return at once.
  void start(std::shared_ptr<CurlExchange> exchange);
  /// Ends it with kCancelled, unless it has ended.
  void cancel(std::shared_ptr<CurlExchange> exchange);
  /// Lets a paused stream go on.
  void resume(std::shared_ptr<CurlExchange> exchange);

  MonotonicTime now() const { return clock_.monotonic(); }

 private:
  enum class Verb { kStart, kCancel, kResume };
  struct Command {
    Verb verb;
    std::shared_ptr<CurlExchange> exchange;
  };
  /// A connection cache.
  struct Pool {
    explicit Pool(MonotonicTime now);
    ~Pool();
    void* share;
    std::size_t users = 0;
    MonotonicTime last_used;
  };
  /// What runs and waits for one authority in one pool.
  struct Lane {
    std::size_t running = 0;
    std::array<std::deque<std::shared_ptr<CurlExchange>>, 3> waiting;  ///< by Priority
  };
  struct Running {
    std::shared_ptr<CurlExchange> exchange;
    std::unique_ptr<CurlEasy> easy;
    std::string lane;
  };

  void post(Verb verb, std::shared_ptr<CurlExchange> exchange);
  void run();
  bool take_commands();
  void handle(const Command& command);
  void start_waiting();
  void start_waiting(const std::string& lane_key, Lane& lane);
  void launch(const std::string& lane_key, Lane& lane, std::shared_ptr<CurlExchange> exchange);
  void collect_finished();
  void end(CurlExchange& exchange, std::optional<Error> error);
  void end_overdue();
  void drop_idle_pools();
  int poll_milliseconds() const;
  Pool& pool_of(const CurlExchange& exchange);

  const CurlOptions options_;
  const SystemClock clock_;
  void* const multi_;

  // The I/O thread's.
  std::map<std::string, Pool> pools_;
  std::map<std::string, Lane> lanes_;
  std::unordered_map<const CurlExchange*, Running> running_;

  std::mutex mutex_;
  std::vector<Command> commands_;
  bool closing_ = false;

  std::thread thread_;
};

}  // namespace kintsugi::net
