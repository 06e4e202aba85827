// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>

#include "base/clock.h"
#include "base/log.h"
#include "controller/leadership.h"
#include "controller/settings.h"
#include "k8s-client/client/connect.h"
#include "k8s-client/runtime/lease_elector.h"

namespace kintsugi::controller {

/// The lease that replicas elect by, in the controller's namespace.
inline constexpr const char* kLeaseName = "kintsugi-controller";

/// Whether this replica leads: always, or while it holds the lease. Thread-safe.
class ElectedLeadership final : public Leadership {
 public:
  explicit ElectedLeadership(bool always) : always_(always) {}

  /// A process that was frozen for longer than its lease wakes up as no leader, whoever wakes first in it.
  bool leads() const override { return outlasts({}); }
  bool outlasts(std::chrono::nanoseconds margin) const override;
  std::int64_t fencing_token() const override;

  /// What the election needs of the rest of the process. Called on threads of the election's own.
  struct Hooks {
    std::function<void()> on_started;
    std::function<void()> stop_work;                    ///< returns when nothing is under way any more
    std::function<std::int64_t()> highest_known_token;  ///< of incidents, whoever led
  };

  /// Stands for election until `stop`; then stops the work and gives the lease back (K8.11: a successor must
  /// not meet work that is still under way). A lease that is lost ends the process at once with status 10,
  /// because work may be under way that nobody can call back. Its requests have a client, and with it a rate
  /// limit, of their own.
  void run(k8s::Connection& connection, const Settings& settings, const Clock& clock, Logger& log,
           const Hooks& hooks, std::stop_token stop);

 private:
  const bool always_;
  std::atomic<const k8s::LeaseElector*> elector_{nullptr};
  std::atomic<bool> leading_{false};
};

/// Blocks until `stop` is requested.
void wait_for_stop(std::stop_token stop);

}  // namespace kintsugi::controller
