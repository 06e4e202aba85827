// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "net/http_server.h"

namespace kintsugi::controller {

/// Requests whose answers take a while, in a bounded queue with threads of its own. Thread-safe.
class RequestQueue {
 public:
  struct Options {
    std::size_t threads = 16;
    std::size_t max_waiting = 256;
  };
  using Answer = std::function<net::HttpResponse(const net::ServerRequest& request)>;

  /// `answer` is called from several threads, `refuse` where the queue is full or closing.
  RequestQueue(Options options, Answer answer, Answer refuse);
  /// Answers what waits, then ends its threads.
  ~RequestQueue();

  bool is_full() const;
  void handle(net::ServerRequest request, std::unique_ptr<net::Responder> responder);

 private:
  struct Waiting {
    net::ServerRequest request;
    std::unique_ptr<net::Responder> responder;
  };

  void run();
  bool wakes_next();

  const Options options_;
  const Answer answer_;
  const Answer refuse_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  ///< guarded, as are the next three
  std::deque<Waiting> waiting_;
  std::size_t idle_ = 0;  ///< threads that wait for something to do
  bool waking_ = false;   ///< one of them has been woken and is on its way
  std::vector<std::jthread> threads_;
};

}  // namespace kintsugi::controller
