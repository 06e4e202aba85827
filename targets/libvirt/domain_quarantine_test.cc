// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_quarantine.h"

#include <catch2/catch.hpp>

#include "base/file.h"
#include "targets/libvirt/domain_document.h"

namespace kintsugi::targets {
namespace {

constexpr char kIncident[] = "inc-0123456789abcdef0123-1";
constexpr char kOther[] = "inc-0123456789abcdef0123-2";

std::string data(const std::string& name) {
  return read_file("targets/libvirt/testdata/" + name, kMaxDomainXmlBytes).value();
}

/// The text as this folder writes it.
std::string normal(const std::string& xml) {
  return to_xml(parse_domain_document(xml).value().first_child());
}

std::string quarantined(const std::string& xml, bool autostart = true) {
  return quarantined_definition(xml, kIncident, autostart).value();
}

/// As virDomainSetMetadata() of libvirt 9.0 leaves what it is given.
void prefix(pugi::xml_node node) {
  node.set_name(("kintsugi:" + std::string(node.name())).c_str());
  for (const pugi::xml_node child : node.children()) prefix(child);
}

/// The live definition once libvirt has done what was planned, but for the devices that a guest kept.
std::string after(const std::string& live, const LiveQuarantine& plan) {
  pugi::xml_document document = parse_domain_document(live).value();
  pugi::xml_node root = document.child("domain");
  pugi::xml_document part;
  root.child("devices").remove_child("interface");
  for (const std::string& device : plan.filtered) {
    part.load_string(device.c_str());
    root.child("devices").append_copy(part.first_child());
  }
  part.load_string(plan.mark.c_str());
  pugi::xml_node mark = root.append_child("metadata").append_copy(part.first_child());
  prefix(mark);
  mark.append_attribute("xmlns:kintsugi").set_value(kQuarantineNamespace);
  return to_xml(root);
}

}  // namespace

TEST_CASE("a definition in quarantine has no way out") {
  const auto domain = parse_domain(quarantined(data("persistent.xml")));
  REQUIRE(domain);
  CHECK(domain->incident == kIncident);
  CHECK(domain->passages.empty());
  REQUIRE(domain->interfaces.size() == 2);
  for (const DomainInterface& interface : domain->interfaces) {
    CHECK(interface.link == LinkState::kDown);
    CHECK(interface.filter == kQuarantineFilter);
  }
  CHECK(domain->disks.size() == 2);
  CHECK(open_links(*domain).empty());
}

TEST_CASE("restoring gives exactly the definition that was") {
  const std::string before = normal(data("persistent.xml"));
  for (const bool autostart : {true, false}) {
    const auto restored = restored_definition(quarantined(before, autostart), kIncident);
    REQUIRE(restored);
    CHECK(restored->autostart == autostart);
    CHECK(restored->xml == before);
  }
}

TEST_CASE("quarantine repeated takes nothing twice, and what was first is what is restored") {
  const std::string before = normal(data("persistent.xml"));
  const std::string once = quarantined(before);
  const std::string twice = quarantined(once, false);
  CHECK(twice == once);
  const std::string by_another = quarantined_definition(once, kOther, false).value();
  CHECK_FALSE(restored_definition(by_another, kIncident));
  const auto restored = restored_definition(by_another, kOther);
  REQUIRE(restored);
  CHECK(restored->xml == before);
  CHECK(restored->autostart);
}

TEST_CASE("what somebody changed meanwhile stays changed") {
  std::string changed = quarantined(data("persistent.xml"));
  const std::string memory = "<memory unit=\"KiB\">262144</memory>";
  REQUIRE(changed.find(memory) != std::string::npos);
  changed.replace(changed.find(memory), memory.size(), "<memory unit=\"KiB\">524288</memory>");
  const auto restored = restored_definition(changed, kIncident);
  REQUIRE(restored);
  CHECK(parse_domain(restored->xml)->memory_bytes == 512u << 20);
}

TEST_CASE("only the incident that holds a domain restores it") {
  const auto free = restored_definition(data("persistent.xml"), kIncident);
  REQUIRE_FALSE(free);
  CHECK(free.error().code == ErrorCode::kConflict);
  const auto other = restored_definition(quarantined(data("persistent.xml")), kOther);
  REQUIRE_FALSE(other);
  CHECK(other.error().code == ErrorCode::kConflict);
  CHECK_FALSE(plan_live_restoration(data("live.xml"), kIncident));
}

TEST_CASE("a mark of another namespace is none of ours") {
  const std::string forged =
      "<domain><name>a</name><uuid>u</uuid><metadata><x:quarantine xmlns:x='https://evil.example.com/' "
      "incident='inc-1'/></metadata><devices/></domain>";
  CHECK(parse_domain(forged)->incident.empty());
  CHECK_FALSE(restored_definition(forged, "inc-1"));
}

TEST_CASE("a running domain loses its links first, then gets the filter, then loses devices") {
  const auto plan = plan_live_quarantine(data("live.xml"), kIncident, false, false);
  REQUIRE(plan);
  REQUIRE(plan->links_down.size() == 1);
  CHECK(plan->links_down.front() ==
        "<interface type=\"bridge\"><mac address=\"52:54:00:77:00:11\"/><source bridge=\"br77\"/>"
        "<target dev=\"web1-0\"/><model type=\"virtio\"/><alias name=\"net0\"/><link state=\"down\"/>"
        "</interface>");
  REQUIRE(plan->filtered.size() == 1);
  CHECK_THAT(plan->filtered.front(), Catch::Contains("<filterref filter=\"kintsugi-quarantine\"/>"));
  REQUIRE(plan->closed.size() == 2);  // the serial port cannot be unplugged
  CHECK_THAT(plan->closed[0], Catch::StartsWith("<channel"));
  CHECK_THAT(plan->closed[1], Catch::StartsWith("<redirdev"));
  const auto with_agent = plan_live_quarantine(data("live.xml"), kIncident, true, false);
  REQUIRE(with_agent);
  CHECK(with_agent->closed.size() == 1);
}

TEST_CASE("a running domain gets back its links and what it gave away") {
  const auto plan = plan_live_quarantine(data("live.xml"), kIncident, false, false);
  REQUIRE(plan);
  const std::string isolated = after(data("live.xml"), *plan);
  CHECK(open_links(parse_domain(isolated).value()).empty());
  // A second look, as after a crash, plans the same and forgets nothing.
  const auto again = plan_live_quarantine(isolated, kIncident, false, false);
  REQUIRE(again);
  CHECK(again->mark == plan->mark);
  CHECK(again->filtered == plan->filtered);

  const auto restoration = plan_live_restoration(isolated, kIncident);
  REQUIRE(restoration);
  REQUIRE(restoration->interfaces.size() == 1);
  CHECK_THAT(restoration->interfaces.front(), !Catch::Contains("link") && !Catch::Contains("filterref"));
  CHECK(restoration->reattached.empty());  // the guest has kept them
}

TEST_CASE("a network card that is up, or the guest's own, is a gap") {
  CHECK(open_links(parse_domain(data("live.xml")).value()) ==
        std::vector<std::string>{"the link of network card 52:54:00:77:00:11 is up"});
  CHECK(open_links(parse_domain(data("persistent.xml")).value()).size() == 3);
}

TEST_CASE("only the prefix that libvirt has put there is taken away") {
  const std::string odd =
      "<domain><name>a</name><uuid>u</uuid><devices><channel type='unix'><address: "
      "bus='0'/></channel></devices>"
      "</domain>";
  const std::string once = quarantined(odd);
  CHECK(quarantined(once, false) == once);
  CHECK(restored_definition(once, kIncident)->xml == normal(odd));
}

TEST_CASE("a filter is mended where it is not what it must be") {
  const std::string made = mended_filter(std::nullopt).value();
  CHECK_THAT(made, Catch::StartsWith("<filter name=\"kintsugi-quarantine\" chain=\"root\">"));
  // What libvirt 9.0 says of it.
  const std::string present =
      "<filter name='kintsugi-quarantine' chain='root'>\n  "
      "<uuid>ba7d1f8a-1fd7-4c5b-a5c6-b6fbc8ac6d5d</uuid>\n"
      "  <rule action='drop' direction='inout' priority='-1000'>\n    <all/>\n  </rule>\n"
      "  <rule action='drop' direction='inout' priority='-1000'>\n    <mac/>\n  </rule>\n</filter>\n";
  CHECK_FALSE(mended_filter(present));
  for (const auto& [from, to] :
       {std::pair("drop", "accept"), {"inout", "in"}, {"-1000", "500"}, {"<all/>", "<tcp/>"}}) {
    std::string changed = present;
    changed.replace(changed.find(from), std::string(from).size(), to);
    INFO(changed);
    const auto mended = mended_filter(changed);
    REQUIRE(mended);
    CHECK_THAT(*mended, Catch::Contains("<uuid>ba7d1f8a-1fd7-4c5b-a5c6-b6fbc8ac6d5d</uuid>"));
  }
  CHECK(mended_filter("no xml"));
}

}  // namespace kintsugi::targets
