// SPDX-License-Identifier: Apache-2.0
//
// Who leads, as a pure decision over what was read and when it was read here (K8). lease_elector.h does the
// I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace kintsugi::k8s {

/// A coordination.k8s.io/v1 Lease, as far as election goes.
struct LeaseRecord {
  std::string holder;  ///< empty: released
  std::chrono::seconds duration{15};
  WallTime acquired{};  ///< stamps are for people; no decision rests on them (K8.2)
  WallTime renewed{};
  std::int64_t transitions = 0;
  std::string resource_version;  ///< of the object; the precondition of an update
  bool operator==(const LeaseRecord&) const = default;
};

struct LeaseTimes {
  std::chrono::nanoseconds lease{std::chrono::seconds(15)};
  std::chrono::nanoseconds renew_deadline{std::chrono::seconds(10)};
  std::chrono::nanoseconds retry{std::chrono::seconds(2)};

  /// lease > renew_deadline > 1.2 × retry > 0, and whole seconds of lease (K8.1). kInvalidInput says which
  /// fails.
  Result<void> check() const;
  /// Of one call: a hung one must not outlive the leadership (K8.4).
  std::chrono::nanoseconds request_timeout() const;
};

/// What is known of the lease, and what follows from it. Not thread-safe.
///
/// `identity` must be unique to this run of this process (a pod's name and a random part): a lease that
/// carries it without our having written it is taken for somebody else's.
class LeaseElection {
 public:
  LeaseElection(std::string identity, LeaseTimes times) : identity_(std::move(identity)), times_(times) {}

  /// The lease was read at `now`; nothing: it does not exist. What another one holds is valid for its
  /// duration from when the record was seen to change, by the local clock (K8.2). A new version alone
  /// (labels, annotations, managed fields) is no change of the record.
  void observe(std::optional<LeaseRecord> record, MonotonicTime now);

  /// The record to write: to take the lease, or to renew it where this one leads. Nothing while another one
  /// holds it. An empty resource_version means create. `stamp` is the wall clock's.
  std::optional<LeaseRecord> propose(MonotonicTime now, WallTime stamp);

  /// `record`, which was proposed, is stored. The request was begun at `begun`: from there the time counts,
  /// because others can have seen it no earlier.
  void written(LeaseRecord record, MonotonicTime begun);
  /// `record` was sent and no answer came. If it is found to be stored while it is still valid, it counts as
  /// written.
  void outcome_unknown(LeaseRecord record, MonotonicTime begun);
  /// The record that gives the lease up (K8.11); nothing where this one does not lead.
  std::optional<LeaseRecord> release(WallTime stamp) const;
  /// Leadership is over; should the lease be taken again, it is a new term.
  void lose();

  bool leading() const { return leading_; }
  /// When leadership ends unless it is renewed before.
  MonotonicTime valid_until() const { return renewed_at_ + times_.renew_deadline; }
  /// When what another one holds runs out unless it is renewed; in the past where nobody holds it.
  MonotonicTime free_at() const;
  /// Rises with each change of leader, also where the lease was deleted in between; every effect of a leader
  /// carries it (K8.10). 0: nobody is known to have led.
  std::int64_t fencing_token() const { return observed_ ? observed_->transitions : 0; }
  /// Who holds the lease as far as is known; may be empty.
  std::string holder() const { return observed_ ? observed_->holder : std::string(); }

 private:
  struct Pending {
    LeaseRecord record;
    MonotonicTime begun;
  };
  bool is_pending(const LeaseRecord& record, MonotonicTime now) const;

  const std::string identity_;
  const LeaseTimes times_;
  std::optional<LeaseRecord> observed_;
  MonotonicTime observed_at_{};
  std::int64_t highest_transitions_ = 0;  ///< ever observed
  std::optional<Pending> pending_;
  bool leading_ = false;
  MonotonicTime renewed_at_{};
};

}  // namespace kintsugi::k8s
