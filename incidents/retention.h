// SPDX-License-Identifier: Apache-2.0
//
// Which incidents that are over need not be kept as objects any more. Pure; what remains of them is in the
// ledger.
#pragma once

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "incidents/store.h"

namespace kintsugi::incidents {

/// How long and how many incidents that are over are kept.
struct Retention {
  std::chrono::seconds age{std::chrono::days(90)};  ///< since their end; 0: for ever
  std::size_t most = 1000;                          ///< 0: any number
};

/// What decides beside the incidents themselves.
struct RetentionFacts {
  std::set<std::string> present_targets;  ///< UIDs of those that exist
  std::set<std::string> busy;             ///< names of incidents that are over and still have something to do
};

/// The incidents that may be deleted now, the oldest first: those that ended longer ago than `retention.age`,
/// and the oldest of those beyond `retention.most`. Never one that is open, busy, held by a person, or the
/// newest of a target that is present: by it a late signal is known to be late.
std::vector<IncidentStore::Pointer> plan_retention(const std::vector<IncidentStore::Pointer>& incidents,
                                                   const RetentionFacts& facts, const Retention& retention,
                                                   WallTime now);

}  // namespace kintsugi::incidents
