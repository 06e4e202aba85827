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
