// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/1.1 proxy in front of an API server that records what passes and does to it what networks and
// servers in trouble do. Plain HTTP towards the client. WebSockets pass through as bytes where the server is
// plain, too, and are refused with 501 where it speaks TLS.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "net/http.h"
#include "tests/faults/rule.h"

namespace kintsugi::faults {

/// The API server, and who the proxy is there.
struct Upstream {
  std::string url;  ///< "http://127.0.0.1:41234", without a trailing slash
  net::TlsOptions tls;
  Secret bearer_token;
};

/// What the current context of a kubeconfig names. Errors: those of k8s::load_kubeconfig().
Result<Upstream> load_upstream(const std::string& kubeconfig);

/// Serves from construction to destruction. Thread-safe.
class Proxy {
 public:
  explicit Proxy(Upstream upstream);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  /// "http://127.0.0.1:40312".
  std::string url() const;
  /// From now on these rules hold, calls count from 1 again, and what was recorded is forgotten.
  void begin(std::vector<Rule> rules = {}, std::uint64_t seed = 0);
  /// From now on each watch ends after about this long, in turn with and without an orderly end; 0: never.
  void end_watches_after(std::chrono::milliseconds age);
  /// From now on nothing passes: what is open ends, watches too, and what comes is recorded and ends without
  /// an answer, or with restore() passes again. A request that the server has already may still be recorded
  /// as answered.
  void cut();
  void restore();
  /// What came since begin(), in the order of arrival.
  std::vector<Call> calls() const;
  /// Waits until no call has been under way for `quiet`. False where that took longer than `patience`.
  bool wait_quiet(std::chrono::milliseconds quiet, std::chrono::milliseconds patience) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kintsugi::faults
