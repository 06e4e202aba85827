// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "net/http.h"
#include "targets/libvirt/domain_terms.h"

namespace kintsugi::host {

/// What a probe's answer may take, and how much of it is looked at: the machine is not trusted yet.
inline constexpr std::chrono::seconds kProbeTimeout{5};
inline constexpr std::size_t kMaxProbeBytes = 64u << 10;

/// What a connection is waited for where silence is hoped for.
inline constexpr std::chrono::seconds kSilenceTimeout{2};

/// Where a service is, by a numeric address in the form of normal_address().
struct Endpoint {
  std::string address;
  std::uint16_t port = 0;

  /// "192.0.2.7:80", "[2001:db8::7]:80".
  std::string to_string() const;
  bool operator==(const Endpoint&) const = default;
};

/// Where the probe asks; nothing: by a name, of the agent, or nowhere.
std::optional<Endpoint> endpoint_of(const targets::ProbeTerms& probe);

/// What comes of a connection over TCP that is tried.
enum class Reached : std::uint8_t { kAccepted, kRefused, kSilent };

/// Whether the probe can be made at all. kInvalidInput: a URL that is none, or no numeric address with a port
/// ("192.0.2.7:80", "[2001:db8::7]:80"): a name could lead anywhere.
Result<void> check_probe(const targets::ProbeTerms& probe);

/// Asks a machine over the network whether it serves. Thread-safe; calls block for kProbeTimeout at most.
class ServiceProbe {
 public:
  virtual ~ServiceProbe() = default;
  /// HTTP: a status from 200 to 399, and the expected text in the body. TCP: a connection. Not for the agent,
  /// whose channel libvirt knows of. Errors say what came instead, escaped.
  virtual Result<void> ask(const targets::ProbeTerms& probe, std::stop_token stop) = 0;
  /// Tries to connect, for kSilenceTimeout, and says nothing to who answers. Errors: it could not be tried,
  /// for want of a route and such.
  virtual Result<Reached> reach(const Endpoint& endpoint) = 0;
};

class NetworkServiceProbe final : public ServiceProbe {
 public:
  /// `transport` must outlive the probe.
  explicit NetworkServiceProbe(net::HttpTransport& transport) : transport_(transport) {}
  Result<void> ask(const targets::ProbeTerms& probe, std::stop_token stop) override;
  Result<Reached> reach(const Endpoint& endpoint) override;

 private:
  Result<void> ask_http(const targets::ProbeTerms& probe, std::stop_token stop);

  net::HttpTransport& transport_;
};

}  // namespace kintsugi::host
