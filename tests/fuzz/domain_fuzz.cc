// SPDX-License-Identifier: Apache-2.0
//
// A domain's definition goes into quarantine and comes back as it was, whatever it holds.
#include <cstdlib>
#include <string>

#include "targets/libvirt/domain_quarantine.h"

using namespace kintsugi::targets;

namespace {

/// libvirt writes the quarantine's prefix in its metadata only, where it means nothing. Where a disk's
/// elements have it, the copy of the disk in the metadata loses it.
std::string without_prefix(std::string definition) {
  const std::string prefix = "kintsugi:";
  for (auto at = definition.find(prefix); at != std::string::npos; at = definition.find(prefix, at))
    definition.erase(at, prefix.size());
  return definition;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto domain = parse_domain(text);
  QuarantinePlace place = domain ? quarantine_place(*domain, "tools") : QuarantinePlace{};
  if (size % 2 == 1) place.network = {QuarantineTerms::Kind::kBridge, "quarantine"};
  const auto isolated = quarantined_definition(text, "inc-1", true, place);
  if (domain && !isolated) std::abort();
  if (isolated) {
    const auto again = quarantined_definition(*isolated, "inc-1", false, place);
    if (!again || without_prefix(*again) != without_prefix(*isolated)) std::abort();
    if (!restored_definition(*isolated, "inc-1")) std::abort();
  }
  const auto live = plan_live_quarantine(text, "inc-1", false, false, place);
  if (domain && !live) std::abort();
  (void)plan_live_restoration(text, "inc-1");
  return 0;
}
