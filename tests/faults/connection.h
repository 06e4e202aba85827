// SPDX-License-Identifier: Apache-2.0
//
// Blocking TCP for the proxy: a thread serves a connection, and another may end it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kintsugi::faults {

/// A connected socket. interrupt() is thread-safe; everything else belongs to one thread.
class Connection {
 public:
  /// Takes over a descriptor; negative: not connected, and every call fails.
  explicit Connection(int descriptor);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  /// Numeric IPv4 addresses only.
  static std::unique_ptr<Connection> open(const std::string& address, std::uint16_t port);

  int descriptor() const { return descriptor_; }
  /// At least a byte; empty at the end or on an error.
  std::string read_some();
  bool write(std::string_view bytes);
  /// Makes what is pending, and what comes, fail.
  void interrupt() const;

 private:
  const int descriptor_;
};

/// Carries bytes both ways until either side ends.
void splice(Connection& one, Connection& other);

/// Listens on a free port of 127.0.0.1.
class ListeningSocket {
 public:
  ListeningSocket();
  ~ListeningSocket();
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  std::uint16_t port() const { return port_; }
  /// The next connection; null once interrupted.
  std::unique_ptr<Connection> accept() const;
  /// Thread-safe.
  void interrupt() const;

 private:
  const int descriptor_;
  std::uint16_t port_ = 0;
};

}  // namespace kintsugi::faults
