// SPDX-License-Identifier: Apache-2.0
#include "host/service_probe.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "base/escape.h"
#include "base/machine_name.h"
#include "net/url.h"

namespace kintsugi::host {
namespace {

using targets::ProbeTerms;

constexpr std::size_t kShownBytes = 80;

Error no_endpoint(const std::string& text) {
  return make_error(ErrorCode::kInvalidInput,
                    fmt::format("'{}' is no ADDRESS:PORT with a numeric address", escape(text, kShownBytes)));
}

Result<Endpoint> read_endpoint(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return fail(no_endpoint(text));
  std::string written = text.substr(0, colon);
  const bool has_brackets = written.size() > 2 && written.front() == '[' && written.back() == ']';
  if (has_brackets) written = written.substr(1, written.size() - 2);
  auto address = normal_address(written);
  if (!address || has_brackets != (written.find(':') != std::string::npos)) return fail(no_endpoint(text));
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  unsigned port = 0;
  const auto read = std::from_chars(begin, end, port);
  if (read.ec != std::errc() || read.ptr != end || port == 0 || port > 65535) return fail(no_endpoint(text));
  return Endpoint{*std::move(address), std::uint16_t(port)};
}

Error unanswered(const Endpoint& where, int code) {
  return make_error(ErrorCode::kUnavailable, fmt::format("no connection: {}", std::strerror(code)))
      .on(where.to_string());
}

/// Waits for a connection that is under way; the error number, 0: it is there.
int finish_connecting(int socket, std::chrono::milliseconds patience) {
  pollfd wanted{socket, POLLOUT, 0};
  const int ready = ::poll(&wanted, 1, int(patience.count()));
  if (ready == 0) return ETIMEDOUT;
  int code = 0;
  socklen_t size = sizeof(code);
  if (ready < 0 || ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size) != 0) return errno;
  return code;
}

/// Connects, and ends the connection; the error number, 0: somebody has taken it.
int connect_to(const Endpoint& endpoint, std::chrono::milliseconds patience) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(endpoint.address.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found) != 0)
    return EADDRNOTAVAIL;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  const int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return errno;
  int code = ::connect(socket, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
  if (code == EINPROGRESS) code = finish_connecting(socket, patience);
  ::close(socket);
  return code;
}

Result<void> ask_tcp(const std::string& where) {
  const auto endpoint = read_endpoint(where);
  if (!endpoint) return fail(endpoint.error());
  if (const int code = connect_to(*endpoint, kProbeTimeout); code != 0)
    return fail(unanswered(*endpoint, code));
  return {};
}

}  // namespace

std::string Endpoint::to_string() const {
  const bool is_v6 = address.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

std::optional<Endpoint> endpoint_of(const ProbeTerms& probe) {
  if (probe.kind == ProbeTerms::Kind::kTcp) {
    auto endpoint = read_endpoint(probe.address);
    return endpoint ? std::optional(*std::move(endpoint)) : std::nullopt;
  }
  if (probe.kind != ProbeTerms::Kind::kHttp) return std::nullopt;
  const auto url = net::parse_url(probe.address);
  auto address = url ? normal_address(url->host) : std::nullopt;
  return address ? std::optional(Endpoint{*std::move(address), url->port}) : std::nullopt;
}

Result<void> check_probe(const ProbeTerms& probe) {
  if (probe.kind == ProbeTerms::Kind::kHttp) {
    if (const auto url = net::parse_url(probe.address); !url) return fail(url.error());
  }
  if (probe.kind == ProbeTerms::Kind::kTcp) {
    if (const auto endpoint = read_endpoint(probe.address); !endpoint) return fail(endpoint.error());
  }
  return {};
}

Result<void> NetworkServiceProbe::ask(const ProbeTerms& probe, std::stop_token stop) {
  if (probe.kind == ProbeTerms::Kind::kHttp) return ask_http(probe, std::move(stop));
  if (probe.kind == ProbeTerms::Kind::kTcp) return ask_tcp(probe.address);
  return fail(ErrorCode::kUnsupported, "the guest agent is not asked over the network");
}

Result<Reached> NetworkServiceProbe::reach(const Endpoint& endpoint) {
  const int code = connect_to(endpoint, kSilenceTimeout);
  switch (code) {
    case 0: return Reached::kAccepted;
    case ECONNREFUSED:
    case ECONNRESET: return Reached::kRefused;
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN: return Reached::kSilent;
    default: return fail(unanswered(endpoint, code));
  }
}

Result<void> NetworkServiceProbe::ask_http(const ProbeTerms& probe, std::stop_token stop) {
  net::HttpRequest request;
  request.url = probe.address;
  request.timeout = kProbeTimeout;
  request.max_response_bytes = kMaxProbeBytes;
  request.priority = net::Priority::kBackground;
  const auto answer = transport_.send(request, std::move(stop));
  if (!answer) return fail(answer.error());
  const std::string where = escape(probe.address, kShownBytes);
  if (answer->status < 200 || answer->status > 399) {
    return fail(make_error(ErrorCode::kUnavailable, fmt::format("it answers with HTTP {}", answer->status))
                    .on(where));
  }
  if (answer->body.find(probe.expect) == std::string::npos) {
    return fail(make_error(ErrorCode::kUnavailable,
                           fmt::format("'{}' is not in what it answers: '{}'",
                                       escape(probe.expect, kShownBytes), escape(answer->body, kShownBytes)))
                    .on(where));
  }
  return {};
}

}  // namespace kintsugi::host
