// SPDX-License-Identifier: Apache-2.0
//
// What people decide about an incident.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace kintsugi {

/// A decision on a step that waits.
struct Approval {
  std::string step;
  bool approved = false;
  std::string by;
  std::string reason;
  WallTime time;
};

/// What a person was asked about a step. Only what is decided afterwards answers it: who agreed to one thing
/// has not agreed to the next.
struct Question {
  std::string name;  ///< "contain/caps"; unique within the incident
  std::string step;
  std::uint64_t decided_before = 0;  ///< decisions that were there when it was asked
};

/// A person says that it was a false alarm.
struct ReleaseOrder {
  enum class Victim : std::uint8_t { kRestore, kLeave, kDelete };
  Victim victim = Victim::kRestore;
  std::string by;
  std::string reason;
  WallTime time;
};

}  // namespace kintsugi
