// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/patch.h"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

using namespace kintsugi;
using namespace kintsugi::k8s;
using nlohmann::json;

namespace {
const json kPod =
    json::parse(R"({"metadata":{"uid":"u1","labels":{"app":"web","a/b":"1","t~":"2"}},"list":[1,2]})");
}

TEST_CASE("pointers escape what RFC 6901 says") {
  CHECK(json_pointer({}).empty());
  CHECK(json_pointer({"metadata", "labels", "a/b"}) == "/metadata/labels/a~1b");
  CHECK(json_pointer({"~1", ""}) == "/~01/");
}

TEST_CASE("the same calls give the same bytes, in the order of the calls") {
  JsonPatch patch;
  CHECK(patch.empty());
  CHECK(patch.to_text() == "[]");
  patch.test("/metadata/uid", "u1")
      .remove("/metadata/labels/app")
      .add("/a", {{"k", nullptr}})
      .replace("/b", 5);
  CHECK(patch.size() == 4);
  CHECK(patch.to_text() ==
        R"([{"op":"test","path":"/metadata/uid","value":"u1"},{"op":"remove","path":"/metadata/labels/app"},)"
        R"({"op":"add","path":"/a","value":{"k":null}},{"op":"replace","path":"/b","value":5}])");
  CHECK(JsonPatch().test("/x", "\xff").to_text().find('\xff') == std::string::npos);
}

TEST_CASE("a patch applies as the API server applies it") {
  JsonPatch labels;
  labels.test("/metadata/uid", "u1")
      .remove(json_pointer({"metadata", "labels", "a/b"}))
      .remove(json_pointer({"metadata", "labels", "t~"}))
      .replace("/metadata/labels/app", "x")
      .test("/metadata/annotations", nullptr)
      .add("/metadata/annotations", {{"k", "v"}})
      .add("/list/-", 3)
      .add("/list/0", 0);
  const auto result = apply_json_patch(kPod, labels.to_text());
  REQUIRE(result);
  CHECK(*result == json::parse(R"({"metadata":{"uid":"u1","labels":{"app":"x"},"annotations":{"k":"v"}},
                                   "list":[0,1,2,3]})"));
  CHECK(*apply_json_patch(kPod, "[]") == kPod);
  CHECK(*apply_json_patch(kPod, R"([{"op":"replace","path":"","value":1}])") == 1);
}

TEST_CASE("replace adds a member that is missing from an object, as the API server does") {
  const auto result =
      apply_json_patch(kPod, R"([{"op":"replace","path":"/metadata/labels/new","value":"x"}])");
  REQUIRE(result);
  CHECK((*result)["metadata"]["labels"]["new"] == "x");
}

TEST_CASE("what does not hold or is not there is a conflict that names the operation") {
  const char* const patches[] = {
      R"([{"op":"test","path":"/metadata/uid","value":"u2"}])",
      R"([{"op":"test","path":"/metadata/uid","value":null}])",
      R"([{"op":"test","path":"/nothing/here","value":null}])",
      R"([{"op":"test","path":"/metadata/labels/gone","value":"x"}])",
      R"([{"op":"remove","path":"/metadata/labels/gone"}])",
      R"([{"op":"replace","path":"/metadata/gone/label","value":1}])",
      R"([{"op":"replace","path":"/list/7","value":1}])",
      R"([{"op":"add","path":"/metadata/annotations/x","value":1}])",
      R"([{"op":"add","path":"/metadata/uid/x","value":1}])",
      R"([{"op":"remove","path":"/metadata/uid/x"}])",
      R"([{"op":"remove","path":"/list/7"}])",
      R"([{"op":"remove","path":"/list/-"}])",
  };
  for (const char* patch : patches) {
    INFO(patch);
    const auto result = apply_json_patch(kPod, patch);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::kConflict);
    CHECK(result.error().object == "operation 0");
  }
}

TEST_CASE("a malformed patch is an error, never an exception") {
  const char* const patches[] = {"",
                                 "{}",
                                 "[1]",
                                 "[{}]",
                                 "[",
                                 "null",
                                 R"([{"op":"test"}])",
                                 R"([{"op":"add","path":"/a"}])",
                                 R"([{"op":"add","path":"a","value":1}])",
                                 R"([{"op":"add","path":"/a~2","value":1}])",
                                 R"([{"op":"add","path":"/list/01","value":1}])",
                                 R"([{"op":"add","path":"/list/x","value":1}])",
                                 R"([{"op":"add","path":"/list/99999999999999999999999","value":1}])",
                                 R"([{"op":"add","path":"/list/9","value":1}])",
                                 R"([{"op":"remove","path":""}])",
                                 R"([{"op":7,"path":"/a"}])",
                                 R"([{"op":"add","path":7,"value":1}])",
                                 R"([{"op":"move","from":"/list","path":"/a"}])",
                                 R"([{"op":"copy","from":"/list","path":"/a"}])",
                                 R"([{"op":"add","path":"/a","path":"/b","value":1}])"};
  for (const char* patch : patches) {
    INFO(patch);
    CHECK_FALSE(apply_json_patch(kPod, patch));
  }
  CHECK(apply_json_patch(kPod, R"([{"op":"move","from":"/a","path":"/b"}])").error().code ==
        ErrorCode::kUnsupported);
}
