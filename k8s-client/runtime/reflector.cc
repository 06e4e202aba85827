// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/reflector.h"

#include "k8s-client/client/wait.h"

namespace kintsugi::k8s {
namespace {

/// Carries out one step of the machine and tells it what came of it.
struct StepRunner {
  ListWatch& machine;
  ListWatchSource& source;
  const Clock& clock;
  std::stop_token stop;

  void operator()(const WaitStep& step) const { (void)wait_until(clock, step.until, stop); }

  void operator()(const ListStep& step) const {
    auto page = source.list_page(step.params, stop);
    if (stop.stop_requested()) return;
    if (page) {
      machine.on_page(*page, clock.monotonic());
    } else {
      machine.on_list_error(page.error(), clock.monotonic());
    }
  }

  void operator()(const WatchStep& step) const {
    const auto end = source.watch(step.params, stop, [this](std::string_view bytes) {
      return machine.on_watch_bytes(bytes, clock.monotonic()) && !stop.stop_requested();
    });
    if (stop.stop_requested()) return;
    if (end) {
      machine.on_watch_end(clock.monotonic());
    } else {
      machine.on_watch_error(end.error(), clock.monotonic());
    }
  }
};

}  // namespace

void run_reflector(ListWatch& machine, ListWatchSource& source, const Clock& clock, std::stop_token stop) {
  const StepRunner run{machine, source, clock, stop};
  while (!stop.stop_requested()) std::visit(run, machine.next(clock.monotonic()));
}

}  // namespace kintsugi::k8s
