// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/list_reader.h"

#include <malloc.h>

#include <catch2/catch.hpp>
#include <vector>

using namespace kintsugi;
using namespace kintsugi::k8s;

namespace {

struct Page {
  Result<ListMeta> meta;
  std::vector<std::string> items;
};

Page read(std::string text) {
  static ListReader reader;
  Page page;
  page.meta = reader.read(padded(text), [&](RawJson item) { page.items.emplace_back(item.text); });
  return page;
}

}  // namespace

TEST_CASE("a page gives its metadata and each item's text") {
  const Page page =
      read(R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9","continue":"abc",)"
           R"("remainingItemCount":12,"selfLink":""},"items":[{"a":1} , {"b":[{}]},{}]})");
  REQUIRE(page.meta);
  CHECK(page.meta->resource_version == "9");
  CHECK(page.meta->continue_token == "abc");
  CHECK(page.meta->remaining_items == 12);
  CHECK(page.items == std::vector<std::string>{R"({"a":1})", R"({"b":[{}]})", "{}"});
}

TEST_CASE("the last page has no continue token, and the order of fields is free") {
  const Page page = read(R"({"items":[{"a":1}],"metadata":{"resourceVersion":"9"}})");
  REQUIRE(page.meta);
  CHECK(page.meta->continue_token.empty());
  CHECK_FALSE(page.meta->remaining_items);
  CHECK(page.items.size() == 1);
}

TEST_CASE("an empty list is one") {
  const std::string items = GENERATE("[]", "null", " [ ] ");
  const Page page = read(R"({"metadata":{"resourceVersion":"1"},"items":)" + items + "}");
  CHECK(page.meta);
  CHECK(page.items.empty());
}

TEST_CASE("one bad item does not fail the page (K4.6)") {
  const Page page =
      read(R"({"metadata":{"resourceVersion":"1"},"items":[{"a":1},{"metadata":7},null,7,{"b":2}]})");
  REQUIRE(page.meta);
  CHECK(page.items == std::vector<std::string>{R"({"a":1})", R"({"metadata":7})", "null", "7", R"({"b":2})"});
}

TEST_CASE("a huge page's memory is not kept") {
  const auto heap_in_use = [] {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  std::string huge = R"({"metadata":{"resourceVersion":"1"},"items":[{"a":1})";
  for (int i = 0; i < 2'000'000; ++i) huge += R"(,{"a":1})";
  huge += "]}";
  const RawJson page = padded(huge);
  ListReader reader;
  const std::size_t before = heap_in_use();
  CHECK(reader.read(page, [](RawJson) {}));
  CHECK(heap_in_use() < before + (1u << 20));
}

TEST_CASE("what is no list is refused") {
  const std::string text =
      GENERATE("", "null", "[]", "{}", R"({"items":[]})", R"({"metadata":{}})",
               R"({"metadata":[],"items":[]})", R"({"metadata":{"resourceVersion":1},"items":[]})",
               R"({"metadata":{},"items":{}})", R"({"metadata":{"remainingItemCount":"x"},"items":[]})",
               R"({"metadata":{},"items":[]} x)", R"({"kind":"Status","metadata":{},"status":"Failure"})",
               "{\"metadata\":{},\"items\":[{\"a\":\"\xC0\"}]}");
  INFO(text);
  CHECK(read(text).meta.error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("a page cut anywhere is refused") {
  const std::string text = R"({"metadata":{"resourceVersion":"9"},"items":[{"a":1},{"b":[2]}]})";
  for (std::size_t length = 0; length < text.size(); ++length) {
    INFO(text.substr(0, length));
    CHECK_FALSE(read(text.substr(0, length)).meta);
  }
}
