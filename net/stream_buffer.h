// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

namespace kintsugi::net {

/// What a BodyWriter has written and the connection has not yet taken, already in chunks. Thread-safe.
class StreamBuffer {
 public:
  StreamBuffer(std::size_t limit, bool chunked) : limit_(limit), chunked_(chunked) {}

  enum class Pushed { kQueued, kQueuedFirst, kOverflow, kRefused };
  /// kQueuedFirst: nothing waited before, so the connection has to be told. kOverflow comes once.
  Pushed push(std::string_view bytes);
  /// Adds the final chunk.
  void finish();
  /// The body ends here without the final chunk.
  void abort();
  /// Nobody takes any more: push() refuses from now on.
  void close();

  struct Batch {
    std::string bytes;
    bool finished = false;  ///< and nothing comes after `bytes`
    bool aborted = false;   ///< likewise
  };
  /// All that waits. It counts against the limit until the next call.
  Batch take();

 private:
  enum class State { kOpen, kFinished, kAborted, kClosed };

  const std::size_t limit_;
  const bool chunked_;
  std::mutex mutex_;
  State state_ = State::kOpen;
  std::string waiting_;
  std::size_t in_flight_ = 0;
};

}  // namespace kintsugi::net
