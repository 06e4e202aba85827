// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/lease.h"

#include <algorithm>

namespace kintsugi::k8s {

using namespace std::chrono_literals;

namespace {

bool differ_beyond_version(const std::optional<LeaseRecord>& left, const std::optional<LeaseRecord>& right) {
  if (!left || !right) return left.has_value() != right.has_value();
  LeaseRecord same_version = *left;
  same_version.resource_version = right->resource_version;
  return same_version != *right;
}

}  // namespace

Result<void> LeaseTimes::check() const {
  if (retry <= 0ns) return fail(ErrorCode::kInvalidInput, "the retry period of the lease must be positive");
  if (renew_deadline <= retry + retry / 5) {
    return fail(ErrorCode::kInvalidInput,
                "the renew deadline must be longer than 1.2 times the retry period");
  }
  if (lease <= renew_deadline) {
    return fail(ErrorCode::kInvalidInput, "the lease must be longer than the renew deadline");
  }
  if (lease % 1s != 0ns) return fail(ErrorCode::kInvalidInput, "the lease must be whole seconds");
  return {};
}

std::chrono::nanoseconds LeaseTimes::request_timeout() const {
  return std::max<std::chrono::nanoseconds>(1s, renew_deadline / 2);
}

void LeaseElection::observe(std::optional<LeaseRecord> record, MonotonicTime now) {
  if (record && is_pending(*record, now)) return written(std::move(*record), pending_->begun);
  const bool still_ours = leading_ && record && observed_ && record->holder == identity_ &&
                          record->transitions == observed_->transitions;
  if (!still_ours) lose();
  if (differ_beyond_version(record, observed_)) observed_at_ = now;
  observed_ = std::move(record);
  if (observed_) highest_transitions_ = std::max(highest_transitions_, observed_->transitions);
}

std::optional<LeaseRecord> LeaseElection::propose(MonotonicTime now, WallTime stamp) {
  LeaseRecord next;
  next.holder = identity_;
  next.duration = std::chrono::duration_cast<std::chrono::seconds>(times_.lease);
  next.acquired = next.renewed = stamp;
  next.transitions = highest_transitions_ + 1;
  if (!observed_) return next;
  if (now < free_at() && !leading_) return std::nullopt;
  next.resource_version = observed_->resource_version;
  if (leading_) {
    next.transitions = observed_->transitions;
    next.acquired = observed_->acquired;
  }
  return next;
}

MonotonicTime LeaseElection::free_at() const {
  return observed_ && !observed_->holder.empty() ? observed_at_ + observed_->duration : MonotonicTime();
}

void LeaseElection::written(LeaseRecord record, MonotonicTime begun) {
  highest_transitions_ = std::max(highest_transitions_, record.transitions);
  observed_ = std::move(record);
  observed_at_ = renewed_at_ = begun;
  leading_ = true;
  pending_.reset();
}

void LeaseElection::outcome_unknown(LeaseRecord record, MonotonicTime begun) {
  pending_ = Pending{std::move(record), begun};
}

void LeaseElection::lose() {
  leading_ = false;
  pending_.reset();
}

std::optional<LeaseRecord> LeaseElection::release(WallTime stamp) const {
  if (!leading_ || !observed_) return std::nullopt;
  LeaseRecord record = *observed_;
  record.holder.clear();
  record.duration = 1s;
  record.acquired = record.renewed = stamp;
  return record;
}

/// The version must have moved on from the one that was the precondition; all else must be what was sent.
bool LeaseElection::is_pending(const LeaseRecord& record, MonotonicTime now) const {
  if (!pending_ || now >= pending_->begun + times_.renew_deadline) return false;
  LeaseRecord sent = pending_->record;
  if (record.resource_version == sent.resource_version) return false;
  sent.resource_version = record.resource_version;
  return sent == record;
}

}  // namespace kintsugi::k8s
