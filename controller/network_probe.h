// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "k8s-client/client/client.h"
#include "targets/isolation/isolation_proof.h"

namespace kintsugi::controller {

/// Finds out which policy objects beside NetworkPolicies exist in the cluster: Cilium's, Calico's,
/// AdminNetworkPolicy's. They are not evaluated, and where there are some, isolation is not claimed. A kind
/// that may not be listed counts as there: what cannot be seen can allow anything. One thread at a time.
class NetworkProbe {
 public:
  /// References must outlive the probe.
  NetworkProbe(k8s::Client& client, const Clock& clock, Logger& log);

  /// A kind that could not be listed just now is as it was seen last; one that never was counts as there.
  isolation::NetworkFacts look(std::stop_token stop);
  /// When to look again: in minutes, or in seconds where some kind could not be listed.
  MonotonicTime next_look() const { return next_look_; }

 private:
  /// Whether there are objects of a kind; nothing where that cannot be told now.
  std::optional<bool> is_there(const k8s::Resource& resource, std::stop_token stop);

  k8s::Client& client_;
  const Clock& clock_;
  Logger& log_;
  std::map<std::string, bool> seen_;  ///< by kind
  MonotonicTime next_look_{};
};

}  // namespace kintsugi::controller
