// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/check_decoder.h"

#include <chrono>
#include <cstdlib>

#include "base/escape.h"
#include "base/kubernetes_name.h"
#include "base/machine_name.h"
#include "signals/problem_details.h"

namespace kintsugi {
namespace {

const WallTime kReceived{std::chrono::seconds(1'795'255'085)};

bool is_pod_named_well(const Signal& signal) {
  return (signal.pod_name.empty() || is_dns_subdomain(signal.pod_name)) &&
         (signal.name_space.empty() || is_dns_label(signal.name_space));
}

bool is_machine_named_well(const Signal& signal) {
  return (signal.domain_uuid.empty() || normal_uuid(signal.domain_uuid) == signal.domain_uuid) &&
         (signal.mac.empty() || (normal_mac(signal.mac) == signal.mac && !is_shared_mac(signal.mac))) &&
         (signal.address.empty() ||
          (normal_address(signal.address) == signal.address && !is_shared_address(signal.address)));
}

void check_signal(const Signal& signal, std::string_view source) {
  const bool names_pod = !signal.pod_name.empty() || !signal.pod_uid.empty() || !signal.container_id.empty();
  const bool names_machine =
      !signal.domain_uuid.empty() || !signal.domain.empty() || !signal.mac.empty() || !signal.address.empty();
  const bool good = signal.source == source && !signal.rule.empty() && signal.rule.size() <= 1024 &&
                    signal.summary.size() <= 1024 && is_utf8(signal.rule) && is_utf8(signal.summary) &&
                    !signal.id.empty() && signal.time <= kReceived &&
                    signal.time >= kReceived - signals::kMostBehind && is_pod_named_well(signal) &&
                    is_machine_named_well(signal) &&
                    int(names_pod) + int(names_machine) + int(signal.on_host) <= 1;
  if (!good) std::abort();
}

}  // namespace

int check_decoder(const signals::Decoder& decoder, const std::uint8_t* data, std::size_t size) {
  const auto batch = decoder.decode({reinterpret_cast<const char*>(data), size}, kReceived);
  if (!batch) {
    signals::to_json(signals::describe_body_error(batch.error()));
    return 0;
  }
  if (!batch->is_list && batch->elements.size() != 1) std::abort();
  for (const auto& element : batch->elements) {
    if (element) {
      check_signal(*element, decoder.source());
      continue;
    }
    const bool is_shown = is_utf8(signals::describe_element_error(element.error(), 0).detail);
    const bool is_stray = !batch->is_list && element.error().reason == signals::kNothingToDo;
    if (!is_shown || is_stray) std::abort();
  }
  return 0;
}

}  // namespace kintsugi
