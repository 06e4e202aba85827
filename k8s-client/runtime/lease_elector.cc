// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/lease_elector.h"

#include <algorithm>
#include <utility>

#include "k8s-client/client/wait.h"

namespace kintsugi::k8s {

using namespace std::chrono_literals;

namespace {

/// K8.1.
constexpr double kMaxRetryFactor = 1.2;

}  // namespace

void Watchdog::arm(MonotonicTime deadline) {
  const std::lock_guard lock(mutex_);
  deadline_ = deadline;
  wake_.notify_all();
}

void Watchdog::run(std::stop_token stop) {
  const std::stop_callback on_stop(stop, [this] {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  });
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (clock_.monotonic() >= deadline_) {
      lock.unlock();
      bite_();
      return;
    }
    clock_.wait_until(lock, wake_, deadline_);
  }
}

LeaseElector::LeaseElector(LeaseElectorOptions options, LeaseStore& store, const Clock& clock, Logger& log,
                           Watchdog* watchdog)
    : options_(std::move(options)),
      store_(store),
      clock_(clock),
      log_(log),
      watchdog_(watchdog),
      election_(options_.identity, options_.times),
      random_(options_.seed) {}

Result<void> LeaseElector::run(std::stop_token stop) {
  if (auto valid = options_.times.check(); !valid) return valid;
  if (options_.identity.empty()) return fail(ErrorCode::kInvalidInput, "an elector needs an identity");
  if (!acquire(stop)) return {};
  log_.info("leading", {{"fencing_token", std::to_string(fencing_token())}});
  if (options_.on_started) options_.on_started(fencing_token());
  if (keep(stop)) {
    give_up_lease();
    return {};
  }
  election_.lose();
  publish();
  log_.error("leadership lost", {{"holder", election_.holder()}});
  if (options_.on_lost) options_.on_lost();
  return fail(make_error(ErrorCode::kRefused, "leadership was lost").because("LeadershipLost"));
}

bool LeaseElector::still_valid(std::chrono::nanoseconds margin) const {
  const MonotonicTime until{std::chrono::nanoseconds(valid_until_.load())};
  return clock_.monotonic() + margin < until;
}

/// False: stopped.
bool LeaseElector::acquire(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    must_read_ = true;
    step(stop);
    if (election_.leading()) return true;
    if (!wait_until(clock_, next_try(), stop)) break;
  }
  return election_.leading();
}

/// As soon as the lease runs out; until then often, because it runs out the later the later a renewal is
/// seen, and to see it released. A few replicas are no herd: the jitter only keeps them from going in step.
MonotonicTime LeaseElector::next_try() {
  const double factor = std::uniform_real_distribution<double>(1.0, kMaxRetryFactor)(random_);
  const std::chrono::nanoseconds pause(std::int64_t(double(options_.times.retry.count()) * factor));
  const MonotonicTime now = clock_.monotonic();
  return election_.free_at() > now ? std::min(election_.free_at(), now + pause) : now + pause;
}

/// True: stopped while leading. False: lost.
bool LeaseElector::keep(const std::stop_token& stop) {
  for (;;) {
    const MonotonicTime retry_at = clock_.monotonic() + options_.times.retry;
    if (!wait_until(clock_, std::min(retry_at, election_.valid_until()), stop)) break;
    if (clock_.monotonic() < election_.valid_until()) step(stop);
    if (!election_.leading() || clock_.monotonic() >= election_.valid_until()) return false;
  }
  return election_.leading() && clock_.monotonic() < election_.valid_until();
}

/// Optimistic where our own last write is known, else read first; a write that fails is looked into at once
/// (K8.3). A leader that reads that it is none stops there: to take the lease again would be a new term, of
/// which the work of this one knows nothing.
void LeaseElector::step(const std::stop_token& stop) {
  const bool led = election_.leading();
  for (int tries = 0; tries < 2; ++tries) {
    if (must_read_) read(stop);
    if (must_read_ || (led && !election_.leading())) break;
    write(stop);
    if (!must_read_) break;
  }
  publish();
}

void LeaseElector::read(const std::stop_token& stop) {
  auto found = store_.get(timeout_now(), stop);
  if (!found) {
    if (!stop.stop_requested())
      log_.warning("reading the lease failed", {{"error", found.error().to_string()}});
    return;
  }
  election_.observe(std::move(*found), clock_.monotonic());
  must_read_ = false;
}

void LeaseElector::write(const std::stop_token& stop) {
  const MonotonicTime begun = clock_.monotonic();
  auto record = election_.propose(begun, clock_.now());
  if (!record) return;
  // A lease that was deleted or restored has lost count; what carries a token has not.
  if (!election_.leading() && options_.highest_known_token)
    record->transitions = std::max(record->transitions, options_.highest_known_token() + 1);
  auto stored = store_.put(*record, timeout_now(), stop);
  if (stored) return election_.written(std::move(*stored), begun);
  must_read_ = true;
  if (stored.error().outcome_unknown) election_.outcome_unknown(std::move(*record), begun);
  if (!stop.stop_requested())
    log_.warning("writing the lease failed", {{"error", stored.error().to_string()}});
}

/// K8.11. A conflict is our own write whose answer was lost, or a new holder: reading tells which.
void LeaseElector::give_up_lease() {
  constexpr int kTries = 3;
  for (int i = 0; i < kTries && election_.leading(); ++i) {
    if (must_read_) read({});
    const auto record = election_.release(clock_.now());
    if (!record) break;
    if (store_.put(*record, timeout_now(), {})) {
      election_.lose();
      log_.info("the lease is released");
    }
    must_read_ = true;
  }
  election_.lose();
  publish();
  if (watchdog_) watchdog_->disarm();
}

/// A watchdog stays armed when leadership is lost: should on_lost hang, it still ends the process.
void LeaseElector::publish() {
  if (!election_.leading()) {
    valid_until_ = 0;
    return;
  }
  fencing_token_ = election_.fencing_token();
  valid_until_ = election_.valid_until().time_since_epoch().count();
  if (watchdog_) watchdog_->arm(election_.valid_until());
}

/// A call of a leader ends with its leadership at the latest.
std::chrono::nanoseconds LeaseElector::timeout_now() const {
  const auto timeout = options_.times.request_timeout();
  if (!election_.leading()) return timeout;
  return std::clamp<std::chrono::nanoseconds>(election_.valid_until() - clock_.monotonic(), 1ms, timeout);
}

}  // namespace kintsugi::k8s
