// SPDX-License-Identifier: Apache-2.0
//
// One request on its way through libcurl, between the thread that asked and the I/O thread that moves its
// bytes.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "net/http.h"
#include "net/url.h"

namespace kintsugi::net {

/// Made by the calling thread, worked on by the I/O thread, ended exactly once. The groups of members say
/// whose they are; what both touch is under `mutex_`.
class CurlExchange {
 public:
  /// How many bytes of a stream may wait for the calling thread before its connection is paused.
  static constexpr std::size_t kStreamBufferBytes = 256u << 10;

  enum class Mode { kWhole, kStream };
  enum class Event { kHead, kBytes, kEnd };

  /// `request` must live until the exchange has ended.
  CurlExchange(const HttpRequest& request, Url url, Mode mode, MonotonicTime now);

  const HttpRequest& request() const { return request_; }
  const Url& url() const { return url_; }
  Mode mode() const { return mode_; }

  // --- The calling thread.

  /// Blocks for what comes next: kHead once (kStream), kBytes with all that waits, then kEnd for ever.
  Event next(std::string& bytes);
  /// After next(): true once when the connection was paused and there is room again.
  bool take_resume();
  void wait_end();
  /// After the head: status and headers.
  HttpResponse head() const;
  /// After the end.
  Result<HttpResponse> take_result();

  // --- The I/O thread, from libcurl's callbacks.

  /// Called when the request is about to be written to a connection. False: it was written once before,
  /// nobody knows whether it took effect, and its method is not one that may simply be repeated (RFC 9110
  /// §9.2.2).
  bool begin_sending();
  /// One line of the head with its line end. False: over the limit.
  bool add_header_line(std::string_view line, MonotonicTime now);
  enum class BodyVerdict { kTaken, kPause, kRefuse };
  BodyVerdict add_body(std::string_view bytes, MonotonicTime now);

  // --- The I/O thread's loop.

  /// When the exchange is overdue at the latest; moves with the bytes of a stream.
  MonotonicTime deadline() const { return deadline_; }
  void resume(MonotonicTime now);
  bool ended() const;
  bool connected() const { return times_sent_ > 0; }
  bool refused_repeat() const { return times_sent_ > 1 && !may_repeat(); }
  bool too_large() const { return too_large_; }
  bool head_complete() const { return head_complete_; }
  bool streaming_body() const { return mode_ == Mode::kStream && head_complete_; }
  /// Nothing or an error; sets its object and whether the outcome is unknown. Later calls are ignored.
  void finish(std::optional<Error> error);

 private:
  bool may_repeat() const;
  void finish_head(MonotonicTime now);

  const HttpRequest& request_;
  const Url url_;
  const Mode mode_;

  // The I/O thread's.
  HttpResponse response_;
  std::size_t head_bytes_ = 0;
  bool head_complete_ = false;
  int times_sent_ = 0;
  bool too_large_ = false;
  MonotonicTime deadline_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<HttpResponse> head_;
  bool head_taken_ = false;
  std::string waiting_bytes_;
  bool paused_ = false;
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace kintsugi::net
