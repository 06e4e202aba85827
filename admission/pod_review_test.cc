// SPDX-License-Identifier: Apache-2.0
#include "admission/pod_review.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace kintsugi::admission {
namespace {

using nlohmann::json;
using Images = std::vector<std::string>;

json container(const std::string& name, const std::string& image) {
  return {{"name", name}, {"image", image}};
}

json pod(const json& spec) {
  return {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "web-1"}}}, {"spec", spec}};
}

json review(const json& object, const json& old = nullptr) {
  return {{"apiVersion", "admission.k8s.io/v1"},
          {"kind", "AdmissionReview"},
          {"request",
           {{"uid", "705ab4f5-6393-11e8-b7cc-42010a800002"},
            {"operation", old.is_null() ? "CREATE" : "UPDATE"},
            {"namespace", "shop"},
            {"dryRun", false},
            {"object", object},
            {"oldObject", old}}}};
}

Images images_of(const json& of) {
  const auto parsed = parse_pod_review(of.dump());
  REQUIRE(parsed);
  return parsed->images;
}

}  // namespace

TEST_CASE("a new pod is asked about with all its images, each once") {
  const json spec = {
      {"containers", {container("web", "a:1"), container("proxy", "b:1"), container("second", "a:1")}},
      {"initContainers", {container("init", "c@sha256:00")}},
      {"ephemeralContainers", {container("debug", "d")}},
      {"volumes",
       {{{"name", "model"}, {"image", {{"reference", "e:2"}}}},
        {{"name", "tmp"}, {"emptyDir", json::object()}}}}};
  const auto parsed = parse_pod_review(review(pod(spec)).dump());
  REQUIRE(parsed);
  CHECK(parsed->uid == "705ab4f5-6393-11e8-b7cc-42010a800002");
  CHECK(parsed->name_space == "shop");
  CHECK(parsed->images == Images{"a:1", "b:1", "c@sha256:00", "d", "e:2"});
}

TEST_CASE("a changed pod is asked about with the images that it did not have there") {
  const json before = pod({{"containers", {container("web", "a:1"), container("proxy", "b:1")}}});
  CHECK(images_of(review(before, before)).empty());
  const json other_image = pod({{"containers", {container("web", "a:2"), container("proxy", "b:1")}}});
  CHECK(images_of(review(other_image, before)) == Images{"a:2"});
  const json swapped = pod({{"containers", {container("web", "b:1"), container("proxy", "a:1")}}});
  CHECK(images_of(review(swapped, before)) == Images{"b:1", "a:1"});
  json debugged = before;
  debugged["spec"]["ephemeralContainers"] = {container("debug", "shell")};
  CHECK(images_of(review(debugged, before)) == Images{"shell"});
}

TEST_CASE("a container without an image has none to ask about") {
  const json spec = {{"containers", {{{"name", "web"}}, container("proxy", "")}},
                     {"initContainers", nullptr}};
  CHECK(images_of(review(pod(spec))).empty());
}

TEST_CASE("what is no review of a pod is refused") {
  const json good = review(pod({{"containers", {container("web", "a:1")}}}));
  const auto without = [&](const char* pointer) {
    json changed = good;
    const json::json_pointer where(pointer);
    changed[where.parent_pointer()].erase(where.back());
    return changed.dump();
  };
  const auto with = [&](const char* pointer, json value) {
    json changed = good;
    changed[json::json_pointer(pointer)] = std::move(value);
    return changed.dump();
  };
  REQUIRE(parse_pod_review(good.dump()));
  const std::pair<const char*, std::string> cases[] = {
      {"nothing", ""},
      {"truncated", good.dump().substr(0, 200)},
      {"no object", "[]"},
      {"two members of one name",
       R"({"apiVersion":"admission.k8s.io/v1","apiVersion":"admission.k8s.io/v1"})"},
      {"too deep", std::string(100, '[') + std::string(100, ']')},
      {"no version", without("/apiVersion")},
      {"an old version", with("/apiVersion", "admission.k8s.io/v1beta1")},
      {"another kind", with("/kind", "Status")},
      {"no request", without("/request")},
      {"a request that is text", with("/request", "x")},
      {"no uid", without("/request/uid")},
      {"an empty uid", with("/request/uid", "")},
      {"a uid with a line end", with("/request/uid", "a\nb")},
      {"a long uid", with("/request/uid", std::string(200, 'a'))},
      {"no namespace", without("/request/namespace")},
      {"no object", without("/request/object")},
      {"a null object, as of a deletion", with("/request/object", nullptr)},
      {"an object of another kind", with("/request/object/kind", "Deployment")},
      {"no spec", without("/request/object/spec")},
      {"containers that are no list", with("/request/object/spec/containers", "a:1")},
      {"a container that is text", with("/request/object/spec/containers/0", "a:1")},
      {"a container without a name", without("/request/object/spec/containers/0/name")},
      {"too many images", with("/request/object/spec/initContainers",
                               json(std::vector<json>(kMaxImages + 1, container("a", "b"))))},
      {"an old object without a spec", with("/request/oldObject", {{"kind", "Pod"}})},
  };
  for (const auto& [name, text] : cases) {
    INFO(name);
    CHECK_FALSE(parse_pod_review(text));
  }
}

TEST_CASE("an answer repeats the uid and says why") {
  const json allowed = json::parse(render_pod_answer("u-1", {}));
  CHECK(allowed == json::parse(R"({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                                   "response": {"uid": "u-1", "allowed": true}})"));
  const json refused = json::parse(render_pod_answer("u-1", {false, "image a:1 is refused", {"one", "two"}}));
  CHECK(refused["response"] == json::parse(R"({"uid": "u-1", "allowed": false, "warnings": ["one", "two"],
                        "status": {"code": 403, "reason": "Forbidden", "message": "image a:1 is refused"}})"));
}

TEST_CASE("a long answer is cut at a character") {
  const std::string long_text = "x" + std::string(2000, 'x') + "ü";
  const json answer = json::parse(render_pod_answer(
      "u", {false, std::string(1023, 'x') + "ü", std::vector<std::string>(100, long_text)}));
  CHECK(answer["response"]["status"]["message"] == std::string(1023, 'x') + "…");
  CHECK(answer["response"]["warnings"].size() == 16);
  CHECK(answer["response"]["warnings"][0].get<std::string>().size() < 256);
}

}  // namespace kintsugi::admission
