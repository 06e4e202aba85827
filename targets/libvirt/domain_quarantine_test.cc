// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_quarantine.h"

#include <fmt/format.h>

#include <algorithm>
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
  return quarantined_definition(xml, kIncident, autostart, {}).value();
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
  for (const SealedInterface& interface : plan.interfaces) {
    const std::string& moved = interface.moved.empty() ? interface.filtered : interface.moved;
    part.load_string((interface.opened.empty() ? moved : interface.opened).c_str());
    root.child("devices").append_copy(part.first_child());
  }
  part.load_string(plan.mark.c_str());
  pugi::xml_node mark = root.append_child("metadata").append_copy(part.first_child());
  prefix(mark);
  mark.append_attribute("xmlns:kintsugi").set_value(kQuarantineNamespace);
  return to_xml(root);
}

QuarantinePlace closed_place() {
  QuarantinePlace place;
  place.network = {QuarantineTerms::Kind::kBridge, "quarantine"};
  return place;
}

QuarantinePlace open_place() {
  QuarantinePlace place = closed_place();
  place.is_open = true;
  place.filter = {"own", "<filter name='own'/>"};
  return place;
}

QuarantinePlace network_place() {
  QuarantinePlace place = open_place();
  place.network.kind = QuarantineTerms::Kind::kNetwork;
  return place;
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
  CHECK(open_links(*domain, {}).empty());
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
  const std::string by_another = quarantined_definition(once, kOther, false, {}).value();
  CHECK_FALSE(restored_definition(by_another, kIncident));
  const auto restored = restored_definition(by_another, kOther);
  REQUIRE(restored);
  CHECK(restored->xml == before);
  CHECK(restored->autostart);
}

TEST_CASE("a card of a network that turned out to be a device of the host is not in what starts") {
  const std::string before = normal(data("persistent.xml"));
  const std::string mac = "52:54:00:77:00:12";
  const auto isolated = quarantined_definition(before, kIncident, true, {}, {mac});
  REQUIRE(isolated);
  const Domain domain = parse_domain(*isolated).value();
  for (const DomainInterface& interface : domain.interfaces) CHECK(interface.mac != mac);
  CHECK(quarantined_definition(*isolated, kIncident, false, {}, {mac}).value() == *isolated);
  CHECK(quarantined_definition(*isolated, kIncident, false, {}).value() == *isolated);
  const auto restored = restored_definition(*isolated, kIncident);
  REQUIRE(restored);
  CHECK(restored->xml == before);
}

TEST_CASE("a quarantine whose mark was taken away is not taken for how the machine was") {
  pugi::xml_document document = parse_domain_document(quarantined(data("persistent.xml"))).value();
  document.child("domain").remove_child("metadata");
  const std::string again = quarantined(to_xml(document.first_child()));
  const auto restored = restored_definition(again, kIncident);
  REQUIRE_FALSE(restored);
  CHECK(restored.error().code == ErrorCode::kRefused);
  CHECK_FALSE(restored.error().retryable);
  CHECK_THAT(restored.error().message, Catch::Contains("52:54:00:77:00:11"));
}

TEST_CASE("what leads out past libvirt is not in what the domain starts from, and comes back") {
  std::string before = normal(data("persistent.xml"));
  before.replace(before.find("</domain>"), 9,
                 "<qemu:commandline xmlns:qemu=\"http://libvirt.org/schemas/domain/qemu/1.0\">"
                 "<qemu:arg value=\"-nic\"/><qemu:arg value=\"user\"/></qemu:commandline></domain>");
  const std::string once = quarantined(before);
  CHECK(parse_domain(once)->passages.empty());
  CHECK(quarantined(once) == once);
  CHECK(restored_definition(once, kIncident).value().xml == before);

  // Declared where libvirt does.
  std::string above = before;
  const std::string declaration = " xmlns:qemu=\"http://libvirt.org/schemas/domain/qemu/1.0\"";
  above.erase(above.find(declaration), declaration.size());
  above.insert(above.find("<domain") + 7, declaration);
  CHECK(parse_domain(quarantined(above))->passages.empty());
  CHECK(parse_domain(restored_definition(quarantined(above), kIncident).value().xml)->passages ==
        parse_domain(before)->passages);
}

TEST_CASE("a domain that was started in quarantine gets back what can be plugged in") {
  const auto plan = plan_live_restoration(quarantined(data("persistent.xml")), kIncident);
  REQUIRE(plan);
  const auto has = [&](const std::string& kind) {
    return std::any_of(plan->reattached.begin(), plan->reattached.end(),
                       [&](const std::string& device) { return device.starts_with("<" + kind); });
  };
  CHECK(has("redirdev"));
  CHECK(has("channel"));
  CHECK_FALSE(has("serial"));
  CHECK_FALSE(has("console"));
}

TEST_CASE("arguments that lead nowhere stay") {
  std::string before = normal(data("persistent.xml"));
  before.replace(before.find("</domain>"), 9,
                 "<qemu:commandline xmlns:qemu=\"http://libvirt.org/schemas/domain/qemu/1.0\">"
                 "<qemu:arg value=\"-no-reboot\"/></qemu:commandline></domain>");
  CHECK(quarantined(before).find("<qemu:arg value=\"-no-reboot\"/>") != std::string::npos);
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
  const auto plan = plan_live_quarantine(data("live.xml"), kIncident, false, false, {});
  REQUIRE(plan);
  REQUIRE(plan->links_down.size() == 1);
  CHECK(plan->links_down.front() ==
        "<interface type=\"bridge\"><mac address=\"52:54:00:77:00:11\"/><source bridge=\"br77\"/>"
        "<target dev=\"web1-0\"/><model type=\"virtio\"/><alias name=\"net0\"/><link state=\"down\"/>"
        "</interface>");
  REQUIRE(plan->interfaces.size() == 1);
  CHECK_THAT(plan->interfaces.front().filtered,
             Catch::Contains("<filterref filter=\"kintsugi-quarantine\"/>"));
  CHECK(plan->interfaces.front().moved.empty());
  CHECK(plan->interfaces.front().opened.empty());
  REQUIRE(plan->closed.size() == 2);  // the serial port cannot be unplugged
  CHECK_THAT(plan->closed[0], Catch::StartsWith("<channel"));
  CHECK_THAT(plan->closed[1], Catch::StartsWith("<redirdev"));
  const auto with_agent = plan_live_quarantine(data("live.xml"), kIncident, true, false, {});
  REQUIRE(with_agent);
  CHECK(with_agent->closed.size() == 1);
}

TEST_CASE("a running domain gets back its links and what it gave away") {
  const auto plan = plan_live_quarantine(data("live.xml"), kIncident, false, false, {});
  REQUIRE(plan);
  const std::string isolated = after(data("live.xml"), *plan);
  CHECK(open_links(parse_domain(isolated).value(), {}).empty());
  // A second look, as after a crash, plans the same and forgets nothing.
  const auto again = plan_live_quarantine(isolated, kIncident, false, false, {});
  REQUIRE(again);
  CHECK(again->mark == plan->mark);
  CHECK(again->interfaces == plan->interfaces);

  const auto restoration = plan_live_restoration(isolated, kIncident);
  REQUIRE(restoration);
  REQUIRE(restoration->interfaces.size() == 1);
  CHECK_THAT(restoration->interfaces.front(), !Catch::Contains("link") && !Catch::Contains("filterref"));
  CHECK(restoration->reattached.empty());  // the guest has kept them
}

TEST_CASE("a network card that is up, or the guest's own, is a gap") {
  CHECK(open_links(parse_domain(data("live.xml")).value(), {}) ==
        std::vector<std::string>{"the link of network card 52:54:00:77:00:11 is up"});
  CHECK(open_links(parse_domain(data("persistent.xml")).value(), {}).size() == 3);
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

TEST_CASE("in a quarantine network a card is filtered, then moved, and only then opened") {
  const auto closed = plan_live_quarantine(data("live.xml"), kIncident, false, false, closed_place());
  REQUIRE(closed);
  REQUIRE(closed->interfaces.size() == 1);
  CHECK_THAT(closed->interfaces[0].filtered, Catch::Contains("<source bridge=\"br77\"/>"));
  CHECK_THAT(closed->interfaces[0].moved,
             Catch::Contains("<source bridge=\"quarantine\"/>") && Catch::Contains("<link state=\"down\"/>"));
  CHECK(closed->interfaces[0].opened.empty());
  const auto open = plan_live_quarantine(data("live.xml"), kIncident, false, false, open_place());
  REQUIRE(open);
  CHECK(open->links_down == closed->links_down);
  const SealedInterface& interface = open->interfaces.front();
  for (const std::string* text : {&interface.filtered, &interface.moved, &interface.opened})
    CHECK_THAT(*text, Catch::Contains("<filterref filter=\"own\"/>"));
  CHECK_THAT(interface.moved, Catch::Contains("<link state=\"down\"/>"));
  CHECK_THAT(interface.opened,
             Catch::Contains("<link state=\"up\"/>") && Catch::Contains("bridge=\"quarantine\""));
  const std::string isolated = after(data("live.xml"), *open);
  CHECK(open_links(parse_domain(isolated).value(), open_place()).empty());
  CHECK_FALSE(open_links(parse_domain(isolated).value(), closed_place()).empty());
  CHECK_FALSE(open_links(parse_domain(isolated).value(), {}).empty());
  const auto back = plan_live_restoration(isolated, kIncident);
  REQUIRE(back);
  CHECK_THAT(back->interfaces.front(), Catch::Contains("<source bridge=\"br77\"/>") &&
                                           !Catch::Contains("link") && !Catch::Contains("filterref"));
}

TEST_CASE("a definition in a quarantine network comes back exactly, whatever it was connected to") {
  const std::string before = normal(data("persistent.xml"));
  for (const QuarantinePlace& place : {closed_place(), open_place(), network_place()}) {
    const std::string once = quarantined_definition(before, kIncident, true, place).value();
    CHECK(quarantined_definition(once, kIncident, false, place).value() == once);
    const auto domain = parse_domain(once).value();
    CHECK(open_links(domain, place).empty());
    for (const DomainInterface& interface : domain.interfaces) CHECK(interface.source == place.network.name);
    CHECK(restored_definition(once, kIncident)->xml == before);
    // A later look without the network does not forget where the cards were.
    const std::string later = quarantined_definition(once, kIncident, false, {}).value();
    CHECK(restored_definition(later, kIncident)->xml == before);
  }
}

TEST_CASE("a card that no bridge can take stays down where it is") {
  const char* const devices =
      "<domain><name>a</name><uuid>u</uuid><devices><interface type='{}'><mac address='52:54:00:77:00:11'/>"
      "{}</interface></devices></domain>";
  for (const auto& [type, rest] : {std::pair("user", ""),
                                   {"direct", "<source dev='eth0' mode='bridge'/>"},
                                   {"bridge", "<source bridge='ovs'/><virtualport type='openvswitch'/>"},
                                   {"vhostuser", ""}}) {
    const std::string domain = fmt::format(fmt::runtime(devices), type, rest);
    const auto plan = plan_live_quarantine(domain, kIncident, false, false, open_place());
    REQUIRE(plan);
    CHECK(plan->interfaces.front().moved.empty());
    CHECK(plan->interfaces.front().opened.empty());
    const std::string isolated = quarantined_definition(domain, kIncident, false, open_place()).value();
    CHECK_THAT(isolated, !Catch::Contains("state=\"up\""));
    CHECK(restored_definition(isolated, kIncident)->xml == normal(domain));
  }
}

TEST_CASE("a running card of a network comes back by the network's name") {
  const std::string live =
      "<domain><name>a</name><uuid>u</uuid><devices><interface type='bridge'><mac "
      "address='52:54:00:77:00:11'/><source network='shop' portgroup='web' portid='9' bridge='br1'/>"
      "</interface></devices></domain>";
  const auto plan = plan_live_quarantine(live, kIncident, false, false, open_place());
  REQUIRE(plan);
  const std::string source = "<source network=\"shop\" portgroup=\"web\"/>";
  CHECK_THAT(plan->links_down.front(),
             Catch::StartsWith("<interface type=\"network\">") && Catch::Contains(source));
  const auto back = plan_live_restoration(after(live, *plan), kIncident);
  REQUIRE(back);
  CHECK_THAT(back->interfaces.front(),
             Catch::StartsWith("<interface type=\"network\">") && Catch::Contains(source));
}

TEST_CASE("a card in the open quarantine is a gap where anything about it is another") {
  const auto with = [](const char* interface) {
    return parse_domain(
               fmt::format("<domain><name>a</name><uuid>u</uuid><devices>{}</devices></domain>", interface))
        .value();
  };
  const char* const good =
      "<interface type='bridge'><source bridge='quarantine'/><filterref filter='own'/></interface>";
  CHECK(open_links(with(good), open_place()).empty());
  CHECK(open_links(with(good), closed_place()).size() == 1);
  for (const char* bad :
       {"<interface type='bridge'><source bridge='br77'/><filterref filter='own'/></interface>",
        "<interface type='bridge'><source bridge='quarantine'/></interface>",
        "<interface type='bridge'><source bridge='quarantine'/><filterref filter='kintsugi'/></interface>",
        "<interface type='bridge'><source bridge='quarantine'/><filterref filter='own'><parameter name='MAC' "
        "value='x'/></filterref></interface>",
        "<interface type='direct'><source dev='quarantine'/><filterref filter='own'/></interface>",
        "<interface type='network'><source network='quarantine'/><filterref filter='own'/></interface>",
        "<interface type='bridge'><source network='shop' bridge='quarantine'/><filterref "
        "filter='own'/></interface>"}) {
    INFO(bad);
    CHECK(open_links(with(bad), open_place()).size() == 1);
  }
  CHECK(open_links(with("<interface type='bridge'><source network='quarantine' bridge='virbr9'/><filterref "
                        "filter='own'/></interface>"),
                   network_place())
            .empty());
}

}  // namespace kintsugi::targets
