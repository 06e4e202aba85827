// SPDX-License-Identifier: Apache-2.0
//
// The parts of the API that are conversations: watches and exec.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "net/http_server.h"
#include "sandbox/api.h"

namespace kintsugi::sandbox {

/// Serves watches, a thread for each. Thread-safe.
class WatchServer {
 public:
  /// `store` and `clock` must outlive this object.
  WatchServer(const ObjectStore& store, const Clock& clock, std::chrono::milliseconds bookmark_interval);
  /// The store's waits must have ended.
  ~WatchServer();

  void start(WatchStart watch, std::shared_ptr<net::BodyWriter> writer);

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
  const std::chrono::milliseconds bookmark_interval_;
  std::mutex mutex_;
  std::list<Watch> watches_;
};

/// Plays one exec over v5.channel.k8s.io: output, then the Status.
void serve_exec(const Containers& containers, const ExecStart& exec, net::WebSocketPeer& peer);

}  // namespace kintsugi::sandbox
