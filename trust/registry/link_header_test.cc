// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/link_header.h"

#include <catch2/catch.hpp>

#include "trust/crypto/reasons.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

std::string next_of(const std::vector<std::string>& values) {
  net::Headers headers;
  for (const std::string& value : values) headers.add("link", value);
  const auto next = find_next_link(headers);
  if (!next) return "error " + next.error().reason;
  return next->value_or("none");
}

}  // namespace

TEST_CASE("the link to the next page is found in each form that RFC 8288 allows") {
  CHECK(next_of({R"(</v2/a/referrers/x?n=2>; rel="next")"}) == "/v2/a/referrers/x?n=2");
  CHECK(next_of({"<?n=2>;rel=next"}) == "?n=2");
  CHECK(next_of({R"(<https://r.io/,;">  ;  title="a, \"b\"; rel=prev" ; REL = "prev NEXT")"}) ==
        "https://r.io/,;\"");
  CHECK(next_of({"</1>; rel=prev, </2>; rel=next; hreflang=en"}) == "/2");
  CHECK(next_of({"</1>; rel=prev", "</2>; rel=next"}) == "/2");
  CHECK(next_of({"</1>; crossorigin; rel=next"}) == "/1");
  CHECK(next_of({"<>; rel=next"}).empty());
}

TEST_CASE("other relations are no next page") {
  CHECK(next_of({}) == "none");
  CHECK(next_of({""}) == "none");
  CHECK(next_of({", ,"}) == "none");
  for (const char* value :
       {"</1>", "</1>; rel=prev", "</1>; rel=nexto", R"(</1>; rel="pre-next x")", "</1>; rel=prev; rel=next",
        "</1>; rev=next", "</1>; rel", "</1>; title=\"rel=next\""}) {
    INFO(value);
    CHECK(next_of({value}) == "none");
  }
}

TEST_CASE("a Link header that cannot be read is an error, not the end of the list") {
  const std::string value = GENERATE("next", "/2; rel=next", "</2; rel=next", "</1> </2>; rel=next",
                                     "</2>; rel=\"next", "</2>; rel=", "</2>; =next", "</2>; rel=\"next\\",
                                     "</2> rel=next", "</1>; rel=prev, junk", "</2>; rel=next x");
  INFO(value);
  CHECK(next_of({value}) == "error RegistryProtocol");
  CHECK(next_of({"</1>; rel=next", value}) == "error RegistryProtocol");
}

TEST_CASE("two next pages, and headers without an end, are errors") {
  CHECK(next_of({"</1>; rel=next, </2>; rel=next"}) == "error RegistryProtocol");
  CHECK(next_of({"</1>; rel=next", "</1>; rel=next"}) == "error RegistryProtocol");
  CHECK(next_of({"<" + std::string(17'000, 'a') + ">; rel=prev"}) == "error RegistryProtocol");
}
