// SPDX-License-Identifier: Apache-2.0
//
// A text gives playbooks that can run, or problems that can be shown.
#include <cstdlib>

#include "base/escape.h"
#include "playbooks/loader.h"
#include "playbooks/matcher.h"

namespace {

using namespace kintsugi;

void check(const Playbook& playbook) {
  const bool acts = playbook.mode != Mode::kObserve;
  const bool good = !playbook.name.empty() && !playbook.signals.empty() && playbook.mode != Mode::kOff &&
                    playbook.hash.size() == 64 && (!acts || !playbook.steps.empty()) &&
                    (!playbook.step<RedeployStep>() || playbook.step<ContainStep>());
  if (!good) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto set = playbooks::load_playbooks({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
  for (const Playbook& playbook : set.playbooks) check(playbook);
  for (const Problem& problem : set.problems) {
    if (!is_utf8(problem.to_string())) std::abort();
  }
  Signal signal;
  signal.source = "falco";
  signal.rule = "Terminal shell in container";
  playbooks::matching_playbooks(signal, set.playbooks);
  return 0;
}
