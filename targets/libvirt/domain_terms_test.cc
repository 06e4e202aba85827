// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_terms.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "targets/libvirt/domain.h"

namespace kintsugi::targets {
namespace {

using Kind = ProbeTerms::Kind;

DomainTerms terms_of(const std::string& attributes, const std::string& children) {
  return parse_domain(
             fmt::format("<domain><name>a</name><uuid>u</uuid><metadata><k:domain "
                         "xmlns:k='https://kintsugi.dev/domain/v1' {}>{}</k:domain></metadata></domain>",
                         attributes, children))
      .value()
      .terms;
}

}  // namespace

TEST_CASE("an administrator says from what a machine is rebuilt, and when it serves") {
  const DomainTerms terms =
      terms_of("protected='true' mode='full'",
               "<k:image source='https://images.example.com/web.qcow2' bundle='/srv/web.json' disk='sda' "
               "checksums='/srv/SHA256SUMS' "
               "user-data='/etc/kintsugi/web1.user-data' network-config='/etc/kintsugi/web1.network'/>"
               "<k:probe http='http://10.77.0.11/version' expect='web-1.0'/><probe tcp='10.77.0.11:22'/>"
               "<probe agent='true'/><data-disk target='vdb'/><data-disk target='vdc' after='detach'/>"
               "<data-disk target='vdd' after='read-only'/><data-disk target='vde' after='approval'/>");
  CHECK(terms.problems == std::vector<std::string>());
  CHECK(terms.image == GoldenTerms{"https://images.example.com/web.qcow2", "/srv/web.json", "sda",
                                   "/etc/kintsugi/web1.user-data", "/etc/kintsugi/web1.network",
                                   "/srv/SHA256SUMS"});
  CHECK(terms.probes == std::vector<ProbeTerms>{{Kind::kHttp, "http://10.77.0.11/version", "web-1.0"},
                                                {Kind::kTcp, "10.77.0.11:22", ""},
                                                {Kind::kAgent, "", ""}});
  CHECK(terms.data_disks == std::map<std::string, DataDiskRule>{{"vdb", DataDiskRule::kDetach},
                                                                {"vdc", DataDiskRule::kDetach},
                                                                {"vdd", DataDiskRule::kReadOnly},
                                                                {"vde", DataDiskRule::kApproval}});
}

TEST_CASE("an administrator says where an isolated machine goes, and who may reach it there") {
  const DomainTerms terms = terms_of(
      "protected='true'",
      "<quarantine bridge='jail'/><address value='10.77.0.11'/>"
      "<forensics profile='tools' from='10.77.0.9/30' tcp='22'/><forensics profile='tools' from='fd77::8'/>");
  CHECK(terms.problems == std::vector<std::string>());
  CHECK(terms.quarantine == QuarantineTerms{QuarantineTerms::Kind::kBridge, "jail"});
  REQUIRE(terms.forensics.size() == 2);
  CHECK(terms.forensics[0].from.to_string() == "10.77.0.8/30");
  CHECK(terms.forensics[0].port == 22);
  CHECK(terms.forensics[1].from.to_string() == "fd77::8/128");
  CHECK(terms_of("", "<quarantine network='jail'/>").quarantine->kind == QuarantineTerms::Kind::kNetwork);
}

TEST_CASE("more exceptions than a filter can hold are none") {
  std::string children = "<quarantine bridge='jail'/>";
  for (int i = 1; i <= 9; ++i) children += fmt::format("<address value='10.0.0.{}'/>", i);
  for (int i = 1; i <= 8; ++i) children += fmt::format("<forensics profile='a' from='10.0.1.{}'/>", i);
  const DomainTerms terms = terms_of("", children);
  CHECK(terms.forensics.empty());
  CHECK(terms.problems == std::vector<std::string>{"<forensics> times <address> are more than 64"});
}

TEST_CASE("what is wrong in the terms is said, and leaves the machine protected") {
  const auto [children, problem] = GENERATE(table<std::string, std::string>({
      {"<image/>", "<image> has no source"},
      {"<image source=''/>", "<image> has no source"},
      {"<image source='/a'/><image source='/b'/>", "there is more than one <image>"},
      {"<image source='/a' sorce='/b'/>", "<image> has no attribute 'sorce'"},
      {"<image source='/a&#10;/b'/>", "source of <image> is too long, or has control characters"},
      {"<image source='/a' user-data='etc/x'/>", "user-data of <image> has to be an absolute path"},
      {"<image source='/a' network-config='../x'/>", "network-config of <image> has to be an absolute path"},
      {"<probe/>", "<probe> has to have one of http, tcp and agent"},
      {"<probe http='http://a/' tcp='10.0.0.1:80'/>", "<probe> has to have one of http, tcp and agent"},
      {"<probe tcp='10.0.0.1:80' expect='x'/>", "only <probe http='…'> can expect something"},
      {"<probe agent='yes'/>", "agent of <probe> can be 'true' only"},
      {"<probe https='https://a/'/>", "<probe> has no attribute 'https'"},
      {"<data-disk/>", "<data-disk> has no target"},
      {"<quarantine/>", "<quarantine> has to have one of bridge and network"},
      {"<quarantine bridge='a' network='b'/>", "<quarantine> has to have one of bridge and network"},
      {"<quarantine bridge='a'/><quarantine bridge='b'/>", "there is more than one <quarantine>"},
      {"<quarantine vlan='7'/>", "<quarantine> has no attribute 'vlan'"},
      {"<forensics from='10.0.0.1'/>", "profile of <forensics> is no name: ''"},
      {"<forensics profile='A b' from='10.0.0.1'/>", "profile of <forensics> is no name: 'A b'"},
      {"<forensics profile='a'/>", "from of <forensics> is no address or block of some: ''"},
      {"<forensics profile='a' from='tools.example.com'/>", "from of <forensics> is no address or block"},
      {"<forensics profile='a' from='10.0.0.1/33'/>", "from of <forensics> is no address or block"},
      {"<forensics profile='a' from='0.0.0.0/0'/>", "from of <forensics> is no address or block"},
      {"<forensics profile='a' from='::/0'/>", "from of <forensics> is no address or block"},
      {"<forensics profile='a' from='224.0.0.1'/>", "from of <forensics> is no address or block"},
      {"<forensics profile='a' from='fe80::1%eth0'/>", "from of <forensics> is no address or block"},
      {"<forensics profile='a' from='10.0.0.1' tcp='0'/>", "tcp of <forensics> is no port: '0'"},
      {"<forensics profile='a' from='10.0.0.1' tcp='65536'/>", "tcp of <forensics> is no port: '65536'"},
      {"<forensics profile='a' from='10.0.0.1' tcp='22-23'/>", "tcp of <forensics> is no port: '22-23'"},
      {"<forensics profile='a' from='10.0.0.1' udp='53'/>", "<forensics> has no attribute 'udp'"},
      {"<forensics profile='a' from='10.0.0.1'/>", "<forensics> needs a <quarantine>"},
      {"<data-disk target='vdb' after='keep'/>", "after of <data-disk> can be"},
      {"<data-disk target='vdb'/><data-disk target='vdb'/>", "more than one <data-disk> for 'vdb'"},
      {"<address value='none'/>", "'none' is no address"},
      {"<label name='a' vaule='b'/>", "<label> has no attribute 'vaule'"},
      {"<immage source='/a'/>", "<domain> has no element 'immage'"},
  }));
  INFO(children);
  const DomainTerms terms = terms_of("protected='true'", children);
  CHECK(terms.is_protected);
  REQUIRE_FALSE(terms.problems.empty());
  CHECK_THAT(terms.problems.front(), Catch::Contains(problem));
}

TEST_CASE("attributes of the terms themselves are checked, too") {
  CHECK(terms_of("protected='yes'", "").problems ==
        std::vector<std::string>{"protected can be 'true' or 'false', and is 'yes'"});
  CHECK(terms_of("protectd='true'", "").problems ==
        std::vector<std::string>{"<domain> has no attribute 'protectd'"});
  CHECK(terms_of("protected='false'", "").problems.empty());
}

TEST_CASE("terms have limits") {
  std::string many;
  for (std::size_t i = 0; i <= kMaxTermElements; ++i) many += "<label name='a' value='b'/>";
  CHECK(terms_of("", many).problems == std::vector<std::string>{"there are too many elements"});
  const DomainTerms wide =
      terms_of("", fmt::format("<image source='/{}'/>", std::string(kMaxTermBytes, 'a')));
  CHECK_THAT(wide.problems.front(), Catch::Contains("too long"));
  CHECK(wide.image->source.empty());
}

}  // namespace kintsugi::targets
