// SPDX-License-Identifier: Apache-2.0
#include "net/stream_buffer.h"

#include <fmt/format.h>

#include <utility>

namespace kintsugi::net {

StreamBuffer::Pushed StreamBuffer::push(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kOpen) return Pushed::kRefused;
  if (bytes.empty()) return Pushed::kQueued;  // an empty chunk would be the final one
  if (waiting_.size() + in_flight_ + bytes.size() > limit_) {
    state_ = State::kClosed;
    return Pushed::kOverflow;
  }
  const bool first = waiting_.empty();
  if (chunked_) {
    fmt::format_to(std::back_inserter(waiting_), "{:x}\r\n", bytes.size());
    waiting_.append(bytes).append("\r\n");
  } else {
    waiting_.append(bytes);
  }
  return first ? Pushed::kQueuedFirst : Pushed::kQueued;
}

void StreamBuffer::finish() {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kOpen) return;
  state_ = State::kFinished;
  if (chunked_) waiting_ += "0\r\n\r\n";
}

void StreamBuffer::abort() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kOpen) state_ = State::kAborted;
}

void StreamBuffer::close() {
  const std::lock_guard lock(mutex_);
  state_ = State::kClosed;
  waiting_.clear();
}

StreamBuffer::Batch StreamBuffer::take() {
  const std::lock_guard lock(mutex_);
  in_flight_ = waiting_.size();
  return {std::exchange(waiting_, {}), state_ == State::kFinished, state_ == State::kAborted};
}

}  // namespace kintsugi::net
