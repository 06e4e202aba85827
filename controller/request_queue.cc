// SPDX-License-Identifier: Apache-2.0
#include "controller/request_queue.h"

#include <utility>

namespace kintsugi::controller {

RequestQueue::RequestQueue(Options options, Answer answer, Answer refuse)
    : options_(options), answer_(std::move(answer)), refuse_(std::move(refuse)) {
  for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { run(); });
}

RequestQueue::~RequestQueue() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  threads_.clear();
}

bool RequestQueue::is_full() const {
  std::lock_guard lock(mutex_);
  return waiting_.size() >= options_.max_waiting;
}

void RequestQueue::handle(net::ServerRequest request, std::unique_ptr<net::Responder> responder) {
  bool wakes = false;
  {
    std::unique_lock lock(mutex_);
    if (stopping_ || waiting_.size() >= options_.max_waiting) {
      lock.unlock();
      return responder->respond(refuse_(request));
    }
    waiting_.push_back({std::move(request), std::move(responder)});
    wakes = wakes_next();
  }
  if (wakes) wake_.notify_one();
}

/// One thread is woken at a time, and wakes the next if there is still something to do: most often those that
/// are awake have taken it by then, and a request costs no change of threads.
bool RequestQueue::wakes_next() {
  return idle_ > 0 && !std::exchange(waking_, true);
}

void RequestQueue::run() {
  for (;;) {
    Waiting next;
    bool wakes = false;
    {
      std::unique_lock lock(mutex_);
      ++idle_;
      wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      --idle_;
      waking_ = false;
      if (waiting_.empty()) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
      wakes = !waiting_.empty() && wakes_next();
    }
    if (wakes) wake_.notify_one();
    next.responder->respond(answer_(next.request));
  }
}

}  // namespace kintsugi::controller
