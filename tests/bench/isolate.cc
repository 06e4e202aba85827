// SPDX-License-Identifier: Apache-2.0
#include "isolate.h"

#include <nlohmann/json.hpp>

#include "intake_load.h"

namespace kintsugi::bench {

Isolate by_controller(Bench& bench) {
  return [&bench](const Victim& victim) {
    const Taken taken = send_signal(bench.home.process(), victim, kBreachRule);
    return taken.is_durable() ? std::string() : "not accepted: " + taken.result + taken.problem;
  };
}

Isolate by_patch(Floors& floors) {
  return [&floors](const Victim& victim) { return floors.release(victim); };
}

Isolate by_create_and_patch(Floors& floors) {
  return [&floors](const Victim& victim) { return floors.create_and_release(victim); };
}

}  // namespace kintsugi::bench
