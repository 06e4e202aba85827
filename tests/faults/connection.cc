// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace kintsugi::faults {
namespace {

constexpr int kBacklog = 256;

sockaddr_in address_of(const std::string& address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  ::inet_pton(AF_INET, address.c_str(), &out.sin_addr);
  return out;
}

bool carry(Connection& from, Connection& to) {
  const std::string bytes = from.read_some();
  return !bytes.empty() && to.write(bytes);
}

}  // namespace

Connection::Connection(int descriptor) : descriptor_(descriptor) {
  const int yes = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::unique_ptr<Connection> Connection::open(const std::string& address, std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return nullptr;
  auto connection = std::make_unique<Connection>(descriptor);
  const sockaddr_in to = address_of(address, port);
  if (::connect(connection->descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    return nullptr;
  return connection;
}

std::string Connection::read_some() {
  std::array<char, 16384> buffer;
  const ssize_t count = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
  return count > 0 ? std::string(buffer.data(), std::size_t(count)) : std::string();
}

bool Connection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(std::size_t(count));
  }
  return true;
}

void Connection::interrupt() const {
  ::shutdown(descriptor_, SHUT_RDWR);
}

void splice(Connection& one, Connection& other) {
  while (true) {
    std::array<pollfd, 2> waiting{{{one.descriptor(), POLLIN, 0}, {other.descriptor(), POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), -1) <= 0) return;
    if (waiting[0].revents != 0 && !carry(one, other)) return;
    if (waiting[1].revents != 0 && !carry(other, one)) return;
  }
}

ListeningSocket::ListeningSocket() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in bound = address_of("127.0.0.1", 0);
  socklen_t size = sizeof bound;
  if (descriptor_ < 0 || ::bind(descriptor_, reinterpret_cast<const sockaddr*>(&bound), size) != 0 ||
      ::listen(descriptor_, kBacklog) != 0 ||
      ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    throw std::runtime_error("no port of 127.0.0.1 to listen on");
  }
  port_ = ntohs(bound.sin_port);
}

ListeningSocket::~ListeningSocket() {
  ::close(descriptor_);
}

std::unique_ptr<Connection> ListeningSocket::accept() const {
  const int descriptor = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
  return descriptor < 0 ? nullptr : std::make_unique<Connection>(descriptor);
}

void ListeningSocket::interrupt() const {
  ::shutdown(descriptor_, SHUT_RDWR);
}

}  // namespace kintsugi::faults
