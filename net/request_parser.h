// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.h"

namespace kintsugi::net {

/// Reads one HTTP/1 request (RFC 9112) from bytes that come piece by piece. No I/O. Stricter than it must be
/// where leniency lets requests be smuggled: one framing only, and a Host.
class RequestParser {
 public:
  enum class State { kHead, kBody, kComplete, kFailed };

  explicit RequestParser(const ServerLimits& limits);
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  /// Takes what it can from the front of `input`, at most to the end of the head and then of the body, and
  /// stops in between. Returns how many bytes were taken; those must not be given again.
  std::size_t feed(std::string_view input);
  State state() const;
  /// kFailed: 400, 413, 431, 501 or 505.
  int failure_status() const { return failure_status_; }

  /// From the end of the head on: all but body and peer.
  ServerRequest head() const;
  bool keep_alive() const;
  bool http_1_0() const;
  bool expects_continue() const;
  bool is_websocket_upgrade() const;
  /// How much of the body is still to come; the most it may be where it is chunked.
  std::uint64_t missing_body_bytes() const;
  /// When complete.
  std::string take_body();

 private:
  struct Impl;
  void check_head();

  std::unique_ptr<Impl> impl_;
  int failure_status_ = 0;
};

}  // namespace kintsugi::net
