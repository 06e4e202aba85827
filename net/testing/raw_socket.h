// SPDX-License-Identifier: Apache-2.0
//
// Plain TCP on loopback for tests that must misbehave: peers that are slow, cut off, or talk nonsense.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace kintsugi::net {

/// A connected socket. Every read gives up after five seconds.
class RawConnection {
 public:
  /// To 127.0.0.1. `receive_buffer` above 0 makes the kernel hold little for a reader that is slow.
  static RawConnection open(std::uint16_t port, int receive_buffer = 0);
  /// The same from 127.0.0.`host`, another peer to the server.
  static RawConnection open_from(std::uint8_t host, std::uint16_t port);
  explicit RawConnection(int descriptor) : descriptor_(descriptor) {}
  ~RawConnection() { close(); }
  RawConnection(RawConnection&& other) noexcept;
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  bool send(std::string_view bytes);
  /// What is there, at least a byte; empty at the end, on an error or after five seconds.
  std::string read_some();
  /// Until `text` has been seen or the connection ends.
  std::string read_until(std::string_view text);
  std::string read_to_end();
  /// True when the peer ends the connection, or resets it, within five seconds.
  bool wait_end();
  void close();
  /// Closes with a reset instead of an orderly end.
  void reset();

 private:
  int descriptor_;
};

/// Listens on 127.0.0.1 and serves its connections one after the other with `serve`, on a thread of its own.
class RawServer {
 public:
  explicit RawServer(std::function<void(RawConnection&)> serve);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  int listening_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

/// A port of 127.0.0.1 on which nobody listens.
std::uint16_t unused_port();

}  // namespace kintsugi::net
