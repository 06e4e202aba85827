// SPDX-License-Identifier: Apache-2.0
//
// Each Signal holds its promises, and each error can be shown.
#include <cstdlib>

#include "base/escape.h"
#include "base/kubernetes_name.h"
#include "signals/falco.h"
#include "signals/problem_details.h"

namespace {

using namespace kintsugi;

const WallTime kReceived{std::chrono::seconds(1'795'255'085)};

void check(const Signal& signal) {
  const bool good = signal.source == "falco" && !signal.rule.empty() && signal.rule.size() <= 1024 &&
                    signal.summary.size() <= 1024 && is_utf8(signal.rule) && is_utf8(signal.summary) &&
                    !signal.id.empty() && signal.time <= kReceived &&
                    signal.time >= kReceived - signals::kMostBehind &&
                    (signal.pod_name.empty() || is_dns_subdomain(signal.pod_name)) &&
                    (signal.name_space.empty() || is_dns_label(signal.name_space)) &&
                    !(signal.on_host && !signal.pod_name.empty());
  if (!good) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto batch = signals::FalcoDecoder().decode({reinterpret_cast<const char*>(data), size}, kReceived);
  if (!batch) {
    signals::to_json(signals::describe_body_error(batch.error()));
    return 0;
  }
  if (!batch->is_list && batch->elements.size() != 1) std::abort();
  for (const auto& element : batch->elements) {
    if (element) {
      check(*element);
    } else if (!is_utf8(signals::describe_element_error(element.error(), 0).detail)) {
      std::abort();
    }
  }
  return 0;
}
