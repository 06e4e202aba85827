// SPDX-License-Identifier: Apache-2.0
//
// The parts of the bench, in the order in which they run. Each starts with all victims Ready, says what it
// finds to the report, and throws where it cannot go on.
#pragma once

#include "cluster.h"
#include "controller_home.h"
#include "floors.h"
#include "isolation_watch.h"
#include "report.h"

namespace kintsugi::bench {

/// What every part works with.
struct Bench {
  Cluster& cluster;
  ControllerHome& home;
  IsolationWatch& watch;
  const Clock& clock;
  Report& report;
};

/// The peak of a controller's memory that has just read the whole cluster.
void measure_memory(Bench& bench);
/// Opens an incident, which later floors are made from.
Floors measure_first_contact(Bench& bench);
/// One victim after the other, beside both floors.
void measure_latency(Bench& bench, Floors& floors, std::size_t victims);
/// Signals that change nothing.
void measure_intake(Bench& bench);
/// From the signal to Recovered, beside a bare delete; what an incident costs.
void measure_recovery(Bench& bench);
/// All victims at once, beside both floors.
void measure_storm(Bench& bench, Floors& floors);
/// kill -9 in the middle of a burst.
void measure_kill(Bench& bench, std::size_t victims);

}  // namespace kintsugi::bench
