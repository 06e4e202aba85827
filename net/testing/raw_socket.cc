// SPDX-License-Identifier: Apache-2.0
#include "net/testing/raw_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace kintsugi::net {
namespace {

constexpr timeval kPatience{5, 0};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::uint16_t port_of(int descriptor) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

int new_socket() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "socket");
  return descriptor;
}

int bound_socket() {
  const int descriptor = new_socket();
  const sockaddr_in address = loopback(0);
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::system_error(errno, std::generic_category(), "bind");
  return descriptor;
}

}  // namespace

RawConnection RawConnection::open_from(std::uint8_t host, std::uint16_t port) {
  sockaddr_in source = loopback(0);
  source.sin_addr.s_addr = htonl((INADDR_LOOPBACK & ~0xffu) | host);
  const int descriptor = new_socket();
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0)
    throw std::system_error(errno, std::generic_category(), "bind");
  const sockaddr_in address = loopback(port);
  RawConnection connection(descriptor);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    connection.close();
  return connection;
}

RawConnection RawConnection::open(std::uint16_t port, int receive_buffer) {
  const int descriptor = new_socket();
  if (receive_buffer > 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  const sockaddr_in address = loopback(port);
  RawConnection connection(descriptor);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    connection.close();
  return connection;
}

RawConnection::RawConnection(RawConnection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

bool RawConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(std::size_t(sent));
  }
  return true;
}

std::string RawConnection::read_some() {
  setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  std::string bytes(64u << 10, '\0');
  const ssize_t received = recv(descriptor_, bytes.data(), bytes.size(), 0);
  bytes.resize(received > 0 ? std::size_t(received) : 0);
  return bytes;
}

std::string RawConnection::read_until(std::string_view text) {
  std::string all;
  while (all.find(text) == std::string::npos) {
    const std::string more = read_some();
    if (more.empty()) break;
    all += more;
  }
  return all;
}

std::string RawConnection::read_to_end() {
  std::string all;
  for (std::string more = read_some(); !more.empty(); more = read_some()) all += more;
  return all;
}

bool RawConnection::wait_end() {
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(kPatience.tv_sec);
  while (!read_some().empty()) continue;
  return std::chrono::steady_clock::now() < patience;
}

void RawConnection::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void RawConnection::reset() {
  const linger now{1, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

RawServer::RawServer(std::function<void(RawConnection&)> serve) : listening_(bound_socket()) {
  port_ = port_of(listening_);
  listen(listening_, 16);
  thread_ = std::thread([listening = listening_, serve = std::move(serve)] {
    while (true) {
      const int descriptor = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) return;
      RawConnection connection(descriptor);
      serve(connection);
    }
  });
}

RawServer::~RawServer() {
  shutdown(listening_, SHUT_RDWR);
  thread_.join();
  close(listening_);
}

std::uint16_t unused_port() {
  const int descriptor = bound_socket();
  const std::uint16_t port = port_of(descriptor);
  close(descriptor);
  return port;
}

}  // namespace kintsugi::net
