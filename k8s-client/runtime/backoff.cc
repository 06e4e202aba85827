// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/backoff.h"

#include <algorithm>

namespace kintsugi::k8s {

std::chrono::nanoseconds backoff_delay(const BackoffPolicy& policy, unsigned failures, double random) {
  const auto cap = double(policy.cap.count());
  auto delay = double(policy.initial.count());
  for (unsigned i = 0; i < failures && delay < cap; ++i) delay *= policy.factor;
  delay = std::min(delay, cap);
  return std::chrono::nanoseconds(std::int64_t(delay + delay * policy.jitter * random));
}

std::uint64_t jitter_seed(std::uint64_t identity, std::string_view purpose) {
  std::uint64_t seed = identity ^ 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : purpose) seed = (seed ^ std::uint8_t(c)) * 0x100000001b3u;
  return seed;
}

std::chrono::nanoseconds Backoff::next(MonotonicTime now) {
  forget_old_failures(now);
  const double random = std::uniform_real_distribution<double>(0.0, 1.0)(random_);
  const auto delay = backoff_delay(policy_, failures_++, random);
  healthy_since_ = now + delay;
  return delay;
}

std::chrono::nanoseconds Backoff::next_unless_first(MonotonicTime now) {
  forget_old_failures(now);
  if (failures_ > 0) return next(now);
  failures_ = 1;
  healthy_since_ = now;
  return std::chrono::nanoseconds(0);
}

void Backoff::forget_old_failures(MonotonicTime now) {
  if (now - healthy_since_ >= reset_after_) failures_ = 0;
}

}  // namespace kintsugi::k8s
