// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_parts.h"

#include <catch2/catch.hpp>

#include "base/file.h"
#include "targets/libvirt/domain_quarantine.h"

namespace kintsugi::targets {
namespace {

constexpr char kIncident[] = "inc-0123456789abcdef0123-1";
using Names = std::vector<std::string>;

std::string data(const std::string& name) {
  return read_file("targets/libvirt/testdata/" + name, kMaxDomainXmlBytes).value();
}

DomainParts parts(const std::string& xml) {
  return parts_of_definition(xml, kIncident);
}

std::string changed(const std::string& what, const std::string& with) {
  std::string text = data("persistent.xml");
  REQUIRE(text.find(what) != std::string::npos);
  return text.replace(text.find(what), what.size(), with);
}

PartChanges after(const std::string& what, const std::string& with) {
  return compare(parts(data("persistent.xml")), parts(changed(what, with)));
}

}  // namespace

TEST_CASE("a part that somebody has changed is named") {
  CHECK(after("<vcpu placement='static'>1", "<vcpu placement='static'>2").changed == Names{"<vcpu>"});
  CHECK(after("/srv/vm/web1.g1.qcow2", "/srv/vm/other.qcow2").changed == Names{"disk vda"});
  CHECK(after("team-a", "team-b").changed == Names{"<metadata>"});
  CHECK(after("port='1'/>", "port='3'/>").changed == Names{"<channel>"});
  CHECK(after("<memballoon model='none'/>", "<watchdog model='i6300esb'/>").added == Names{"<watchdog>"});
  CHECK(after("<memballoon model='none'/>", "<watchdog model='i6300esb'/>").removed == Names{"<memballoon>"});
  const PartChanges other = after("52:54:00:77:00:12", "52:54:00:77:00:99");
  CHECK(other.added == Names{"network card 52:54:00:77:00:99"});
  CHECK(other.removed == Names{"network card 52:54:00:77:00:12"});
}

TEST_CASE("what isolation and evidence do is no change of somebody's") {
  for (const auto& [what, with] :
       {std::pair<std::string, std::string>("<source bridge='br77'/>", "<source bridge='jail'/>"),
        {"<link state='up'/>", "<link state='down'/>"},
        {"filter='clean-traffic'", "filter='kintsugi-quarantine'"},
        {"web1.g1.qcow2", std::string("web1.g1.qcow2.") + kIncident},
        {"passwd='s3cret&amp;\"'", "passwd='other'"},
        {"</metadata>",
         "<kintsugi:quarantine xmlns:kintsugi='https://kintsugi.dev/quarantine/v1'/></metadata>"}}) {
    INFO(with);
    const PartChanges changes = after(what, with);
    CHECK(changes.added.empty());
    CHECK(changes.changed.empty());
    CHECK(changes.removed.empty());
  }
  CHECK(parts("no definition").empty());
}

TEST_CASE("of a running domain it counts what there is, and a name is no more than a name") {
  Domain domain = parse_domain(data("live.xml")).value();
  const DomainParts before = parts_of_running(domain);
  CHECK(before.contains("network card 52:54:00:77:00:11"));
  CHECK(before.contains("disk vda"));
  CHECK(before.contains("redirdev spicevmc"));
  CHECK_FALSE(before.contains("serial 0"));  // it cannot be added to a running domain
  domain.interfaces.front().link = LinkState::kDown;
  domain.disks.push_back({"vd\x1b[2J", "disk", "file", "/x", "raw"});
  const PartChanges changes = compare(before, parts_of_running(domain));
  REQUIRE(changes.added.size() == 1);
  CHECK_THAT(changes.added.front(), !Catch::Contains("\x1b"));
  CHECK(changes.changed.empty());
  CHECK(changes.removed.empty());
}

}  // namespace kintsugi::targets
