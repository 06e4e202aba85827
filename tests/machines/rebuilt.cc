// SPDX-License-Identifier: Apache-2.0
#include "tests/machines/rebuilt.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "targets/libvirt/domain_rebuild.h"
#include "tests/machines/host_site.h"

namespace kintsugi::machines {

std::string with_lab(std::string text) {
  for (std::size_t at = 0; (at = text.find("LAB")) != std::string::npos;) text.replace(at, 3, lab_files());
  return text;
}

std::string golden_policy() {
  return with_lab(R"(
apiVersion: kintsugi.dev/v1alpha1
kind: TrustPolicy
metadata: {name: golden}
spec:
  images: ["file://LAB/images/**"]
  authorities: [{key: {file: LAB/cosign.pub}}]
)");
}

std::string golden_image(const std::string& name) {
  return fmt::format("<image source='{}/images/{}'/>", lab_files(), name);
}

std::string disk_of(const std::string& name) {
  return fmt::format("{}/images/{}.qcow2", lab_files(), name);
}

targets::DomainObservation look_at(Host& host, const std::string& uuid) {
  const auto observed = targets::DomainTarget(host.hypervisor()).observe(uuid);
  if (!observed) FAIL(observed.error().to_string());
  REQUIRE(observed->has_value());
  return **observed;
}

bool runs_rebuilt(Host& host, const std::string& uuid) {
  return targets::assess_rebuilt(look_at(host, uuid), incident_of(uuid)).holds();
}

std::string story_of(const std::vector<Incident>& incidents) {
  std::string story;
  for (const Incident& incident : incidents) {
    story += fmt::format("{} {}\n", incident.name, to_string(stage_of(incident)));
    for (const TimelineEntry& entry : incident.status.timeline) story += fmt::format("  {}\n", entry.message);
  }
  return story;
}

}  // namespace kintsugi::machines
