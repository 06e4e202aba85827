// SPDX-License-Identifier: Apache-2.0
#include "controller/elected_leadership.h"

#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "k8s-client/runtime/client_adapters.h"

namespace kintsugi::controller {
namespace {

constexpr int kLostLeadership = 10;

}  // namespace

bool ElectedLeadership::outlasts(std::chrono::nanoseconds margin) const {
  if (always_) return true;
  const k8s::LeaseElector* elector = elector_;
  return leading_ && elector != nullptr && elector->still_valid(margin);
}

std::int64_t ElectedLeadership::fencing_token() const {
  const k8s::LeaseElector* elector = elector_;
  return elector == nullptr ? 0 : elector->fencing_token();
}

void ElectedLeadership::run(k8s::Connection& connection, const Settings& settings, const Clock& clock,
                            Logger& log, const Hooks& hooks, std::stop_token stop) {
  k8s::RateLimiter limiter(k8s::RateLimiter::Options{}, clock);
  auto client = connection.make_client(limiter);
  k8s::ClientLeaseStore leases(*client, {settings.name_space, kLeaseName});
  k8s::Watchdog watchdog(clock, [] { ::_exit(kLostLeadership); });
  k8s::LeaseElectorOptions options;
  options.identity = settings.identity;
  options.seed = jitter_of(settings);
  options.highest_known_token = hooks.highest_known_token;
  options.on_started = [&](std::int64_t token) {
    leading_ = true;
    log.info("Leading", {{"fencingToken", std::to_string(token)}});
    hooks.on_started();
  };
  options.on_lost = [] { ::_exit(kLostLeadership); };
  k8s::LeaseElector elector(options, leases, clock, log, &watchdog);
  elector_ = &elector;
  const std::jthread watching([&](std::stop_token token) { watchdog.run(token); });
  std::jthread electing([&](std::stop_token token) {
    if (auto ended = elector.run(token); !ended) {
      log.error("Leader election ended", {{"error", ended.error().to_string()}});
      if (!token.stop_requested()) ::_exit(kLostLeadership);
    }
  });
  wait_for_stop(std::move(stop));
  hooks.stop_work();
  electing.request_stop();
  electing.join();
  leading_ = false;
  elector_ = nullptr;
}

void wait_for_stop(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait(lock, std::move(stop), [] { return false; });
}

}  // namespace kintsugi::controller
