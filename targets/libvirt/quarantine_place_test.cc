// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/quarantine_place.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

namespace kintsugi::targets {
namespace {

Domain domain_with(const std::string& terms) {
  return parse_domain(fmt::format("<domain><name>a</name><uuid>u</uuid><metadata><k:domain "
                                  "xmlns:k='https://kintsugi.dev/domain/v1' protected='true'>{}</k:domain>"
                                  "</metadata></domain>",
                                  terms))
      .value();
}

constexpr char kExceptions[] =
    "<quarantine bridge='jail'/><address value='10.77.0.11'/>"
    "<forensics profile='tools' from='10.77.0.8/30' tcp='22'/><forensics profile='tools' from='fd77::8'/>"
    "<forensics profile='others' from='10.77.0.99'/>";

}  // namespace

TEST_CASE("without terms network cards stay where they are") {
  const QuarantinePlace place = quarantine_place(domain_with(""), "tools");
  CHECK(place.network.kind == QuarantineTerms::Kind::kNone);
  CHECK(place.filter.name == kQuarantineFilter);
  CHECK_FALSE(place.is_open);
}

TEST_CASE("exceptions are made where the playbook names their profile") {
  const Domain domain = domain_with(kExceptions);
  const QuarantinePlace open = quarantine_place(domain, "tools");
  CHECK(open.is_open);
  CHECK(open.network == QuarantineTerms{QuarantineTerms::Kind::kBridge, "jail"});
  CHECK(open.filter.name == "kintsugi-quarantine-u");
  CHECK(open.visitors == "10.77.0.8/30 (TCP port 22)");  // the guest has no IPv6 address
  CHECK_THAT(open.filter.definition, !Catch::Contains("10.77.0.99"));
  for (const char* profile : {"", "tool", "tools2"}) {
    const QuarantinePlace closed = quarantine_place(domain, profile);
    CHECK_FALSE(closed.is_open);
    CHECK(closed.network.name == "jail");
    CHECK(closed.filter.name == kQuarantineFilter);
  }
}

TEST_CASE("nobody is let in without a quarantine network, or to a guest without an address") {
  const std::string exception = "<forensics profile='tools' from='10.77.0.8'/>";
  CHECK_FALSE(quarantine_place(domain_with("<address value='10.77.0.11'/>" + exception), "tools").is_open);
  CHECK_FALSE(quarantine_place(domain_with("<quarantine bridge='jail'/>" + exception), "tools").is_open);
  CHECK_FALSE(
      quarantine_place(
          domain_with("<quarantine bridge='a' network='b'/><address value='10.77.0.11'/>" + exception),
          "tools")
          .is_open);
}

}  // namespace kintsugi::targets
