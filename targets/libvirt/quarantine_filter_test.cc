// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/quarantine_filter.h"

#include <catch2/catch.hpp>
#include <vector>

namespace kintsugi::targets {
namespace {

constexpr char kUuid[] = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";

ForensicException from(const char* network, std::uint16_t port = 0) {
  return {"tools", isolation::parse_ip_network(network).value(), port};
}

std::string definition(const std::vector<std::string>& addresses,
                       const std::vector<ForensicException>& exceptions) {
  return forensic_filter(kUuid, addresses, exceptions).definition;
}

}  // namespace

TEST_CASE("who is excepted may open connections to the guest's own address, and nothing else passes") {
  const QuarantineFilter filter = forensic_filter(kUuid, std::vector<std::string>{"10.77.0.11"},
                                                  std::vector<ForensicException>{from("10.77.0.8/30", 22)});
  CHECK(filter.name == "kintsugi-quarantine-4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
  CHECK(filter.definition ==
        "<filter name=\"kintsugi-quarantine-4dea22b3-1d52-d8f3-2516-782e98ab3fa0\" chain=\"root\">"
        "<rule action=\"drop\" direction=\"out\" priority=\"-1000\"><mac match=\"no\" srcmacaddr=\"$MAC\"/>"
        "</rule>"
        "<rule action=\"accept\" direction=\"in\" priority=\"-900\"><arp arpsrcipaddr=\"10.77.0.8\" "
        "arpsrcipmask=\"30\" arpdstipaddr=\"10.77.0.11\" arpdstipmask=\"32\"/></rule>"
        "<rule action=\"accept\" direction=\"out\" priority=\"-900\"><arp arpsrcmacaddr=\"$MAC\" "
        "arpsrcipaddr=\"10.77.0.11\" arpsrcipmask=\"32\" arpdstipaddr=\"10.77.0.8\" arpdstipmask=\"30\"/>"
        "</rule>"
        "<rule action=\"accept\" direction=\"in\" priority=\"-900\"><ip srcipaddr=\"10.77.0.8\" "
        "srcipmask=\"30\" dstipaddr=\"10.77.0.11\" dstipmask=\"32\" protocol=\"tcp\" dstportstart=\"22\"/>"
        "</rule>"
        "<rule action=\"accept\" direction=\"out\" priority=\"-900\"><ip srcipaddr=\"10.77.0.11\" "
        "srcipmask=\"32\" dstipaddr=\"10.77.0.8\" dstipmask=\"30\" protocol=\"tcp\" srcportstart=\"22\"/>"
        "</rule>"
        "<rule action=\"accept\" direction=\"in\" priority=\"500\"><tcp srcipaddr=\"10.77.0.8\" "
        "srcipmask=\"30\" dstipaddr=\"10.77.0.11\" dstipmask=\"32\" dstportstart=\"22\"/></rule>"
        "<rule action=\"drop\" direction=\"inout\" priority=\"-800\"><mac/></rule>"
        "<rule action=\"drop\" direction=\"inout\" priority=\"900\"><all/></rule>"
        "<rule action=\"drop\" direction=\"inout\" priority=\"900\"><all-ipv6/></rule></filter>");
}

TEST_CASE("an exception is made to addresses of its own family only") {
  const std::string v6 = definition({"10.77.0.11", "fd77::11"}, {from("fd77::/64")});
  CHECK_THAT(v6, Catch::Contains("dstipaddr=\"ff02::1:ff00:0\" dstipmask=\"104\"") &&
                     Catch::Contains("<tcp-ipv6 srcipaddr=\"fd77::\" srcipmask=\"64\" dstipaddr=\"fd77::11\" "
                                     "dstipmask=\"128\"/>") &&
                     !Catch::Contains("10.77.0.11") && !Catch::Contains("<arp") && !Catch::Contains("port") &&
                     !Catch::Contains("type=\"134\""));
  const std::string v4 = definition({"10.77.0.11", "fd77::11"}, {from("10.0.0.1/32")});
  CHECK_THAT(v4, !Catch::Contains("fd77::11") && !Catch::Contains("icmpv6"));
  const std::string none = definition({"fd77::11"}, {from("10.0.0.1/32")});
  CHECK_THAT(none, !Catch::Contains("accept") && Catch::Contains("<mac/>"));
  CHECK_THAT(definition({"no' address"}, {from("10.0.0.1/32")}), !Catch::Contains("accept"));
}

TEST_CASE("the order of attributes makes no other filter, and a rule more or less does") {
  const QuarantineFilter wanted = forensic_filter(kUuid, std::vector<std::string>{"10.77.0.11"},
                                                  std::vector<ForensicException>{from("10.77.0.8/32", 22)});
  std::string present = wanted.definition;
  const auto replace = [&](const std::string& what, const std::string& with) {
    REQUIRE(present.find(what) != std::string::npos);
    present.replace(present.find(what), what.size(), with);
  };
  replace("<mac match=\"no\" srcmacaddr=\"$MAC\"/>", "<mac srcmacaddr=\"$MAC\" match=\"no\"/>");
  CHECK_FALSE(mended_filter(present, wanted));
  replace("<rule action=\"drop\" direction=\"inout\" priority=\"-800\"><mac/></rule>", "");
  CHECK(mended_filter(present, wanted));
  present = wanted.definition;
  replace("</filter>", "<rule action=\"accept\" direction=\"out\" priority=\"-999\"><all/></rule></filter>");
  CHECK(mended_filter(present, wanted));
  present = wanted.definition;
  replace("<all/>", "<all/><all/>");
  CHECK(mended_filter(present, wanted));
  present = wanted.definition;
  replace("</filter>", "<filterref filter=\"allow-arp\"/></filter>");
  CHECK(mended_filter(present, wanted));
}

TEST_CASE("a filter is mended where it is not what it must be") {
  const std::string made = mended_filter(std::nullopt, closed_filter()).value();
  CHECK_THAT(made, Catch::StartsWith("<filter name=\"kintsugi-quarantine\" chain=\"root\">"));
  // What libvirt 9.0 says of it.
  const std::string present =
      "<filter name='kintsugi-quarantine' chain='root'>\n  "
      "<uuid>ba7d1f8a-1fd7-4c5b-a5c6-b6fbc8ac6d5d</uuid>\n"
      "  <rule action='drop' direction='inout' priority='-1000'>\n    <all/>\n  </rule>\n"
      "  <rule action='drop' direction='inout' priority='-1000'>\n    <mac/>\n  </rule>\n</filter>\n";
  CHECK_FALSE(mended_filter(present, closed_filter()));
  for (const auto& [from, to] :
       {std::pair("drop", "accept"), {"inout", "in"}, {"-1000", "500"}, {"<all/>", "<tcp/>"}}) {
    std::string changed = present;
    changed.replace(changed.find(from), std::string(from).size(), to);
    INFO(changed);
    const auto mended = mended_filter(changed, closed_filter());
    REQUIRE(mended);
    CHECK_THAT(*mended, Catch::Contains("<uuid>ba7d1f8a-1fd7-4c5b-a5c6-b6fbc8ac6d5d</uuid>"));
  }
  CHECK(mended_filter("no xml", closed_filter()));
}

}  // namespace kintsugi::targets
