// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace kintsugi::trust::cel {

inline constexpr std::int64_t kMaxSteps = 100'000;
inline constexpr std::size_t kMaxTextBytes = 1u << 20;

/// What an evaluation may still do. Once it is spent it stays spent: CEL lets an operand that decides a
/// conjunction outweigh the error of another, which must not hide that the limit was reached.
class Budget {
 public:
  /// False when there is not enough left.
  bool spend(std::size_t steps) {
    left_ -= steps > std::size_t(kMaxSteps) ? kMaxSteps + 1 : std::int64_t(steps);
    if (left_ < 0) left_ = -1;
    return left_ >= 0;
  }
  bool spend_bytes(std::size_t bytes) { return spend(1 + bytes / kBytesOfStep); }
  bool spend_matching(std::size_t bytes) { return spend(1 + bytes / kMatchedBytesOfStep); }
  /// For finding a key among `members`.
  bool spend_lookup(std::size_t members) { return spend(1 + members / kMembersOfStep); }
  bool is_exhausted() const { return left_ < 0; }

 private:
  static constexpr std::size_t kBytesOfStep = 64;
  static constexpr std::size_t kMatchedBytesOfStep = 16;
  static constexpr std::size_t kMembersOfStep = 16;
  std::int64_t left_ = kMaxSteps;
};

}  // namespace kintsugi::trust::cel
