// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "sandbox/api.h"

namespace kintsugi::sandbox {

/// Serves watches, a thread for each. Thread-safe.
class WatchServer {
 public:
  /// `store` and `clock` must outlive this object.
  WatchServer(const ObjectStore& store, const Clock& clock) : store_(store), clock_(clock) {}
  /// The store's waits must have ended.
  ~WatchServer() { stop(); }
  WatchServer(const WatchServer&) = delete;
  WatchServer& operator=(const WatchServer&) = delete;

  /// Does nothing once stopped.
  void start(WatchStart watch, net::Responder& responder);
  /// Idempotent.
  void stop();

 private:
  void serve(const WatchStart& watch, net::BodyWriter& writer, const std::stop_token& stop) const;
  /// False once the client has gone.
  bool send_present(const WatchStart& watch, net::BodyWriter& writer, std::uint64_t& version) const;
  bool send_changes(const WatchStart& watch, net::BodyWriter& writer, std::uint64_t& version) const;

  struct Watch {
    bool done = false;
    std::jthread thread;
  };

  const ObjectStore& store_;
  const Clock& clock_;
  std::mutex mutex_;
  std::list<Watch> watches_;  ///< guarded by mutex_
  bool stopped_ = false;      ///< guarded by mutex_
};

}  // namespace kintsugi::sandbox
