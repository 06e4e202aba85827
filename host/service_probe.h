// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>

#include "base/result.h"
#include "net/http.h"
#include "targets/libvirt/domain_terms.h"

namespace kintsugi::host {

/// What a probe's answer may take, and how much of it is looked at: the machine is not trusted yet.
inline constexpr std::chrono::seconds kProbeTimeout{5};
inline constexpr std::size_t kMaxProbeBytes = 64u << 10;

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
};

class NetworkServiceProbe final : public ServiceProbe {
 public:
  /// `transport` must outlive the probe.
  explicit NetworkServiceProbe(net::HttpTransport& transport) : transport_(transport) {}
  Result<void> ask(const targets::ProbeTerms& probe, std::stop_token stop) override;

 private:
  Result<void> ask_http(const targets::ProbeTerms& probe, std::stop_token stop);

  net::HttpTransport& transport_;
};

}  // namespace kintsugi::host
