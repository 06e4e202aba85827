// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/request.h"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

using namespace kintsugi;
using namespace kintsugi::k8s;

namespace {

const RequestBuilder kBuilder("https://h:6443/prefix");
const ObjectKey kWeb{"shop", "web-1"};

std::string accept_of(const net::HttpRequest& request) {
  return *request.headers.find("accept");
}

}  // namespace

TEST_CASE("paths name group, version, namespace, name and subresource") {
  CHECK(kBuilder.get(kPods, kWeb)->url == "https://h:6443/prefix/api/v1/namespaces/shop/pods/web-1");
  CHECK(kBuilder.get(kDeployments, kWeb)->url ==
        "https://h:6443/prefix/apis/apps/v1/namespaces/shop/deployments/web-1");
  CHECK(kBuilder.get(kNodes, {"", "n 1"})->url == "https://h:6443/prefix/api/v1/nodes/n%201");
  CHECK(kBuilder.update(kPods, kWeb, "status", "{}", false)->url.ends_with("/pods/web-1/status"));
  CHECK(kBuilder.list(kPods, "", {})->url == "https://h:6443/prefix/api/v1/pods?limit=500");
  CHECK(accept_of(*kBuilder.get(kPods, kWeb)) == "application/json");
}

TEST_CASE("names that would change the path are refused") {
  for (const char* bad : {"", ".", "..", "a/b", "../secrets", "a%2fb", "/"}) {
    INFO(bad);
    CHECK(kBuilder.get(kPods, {"shop", bad}).error().code == ErrorCode::kInvalidInput);
    CHECK_FALSE(kBuilder.get(kPods, {bad, "web"}));
    CHECK_FALSE(kBuilder.remove(kPods, {"shop", bad}, {}, false));
    CHECK_FALSE(kBuilder.remove(kNodes, {"", bad}, {}, false));
    CHECK_FALSE(kBuilder.patch(kPods, {"shop", bad}, "", "[]", false));
    CHECK_FALSE(kBuilder.update(kPods, {"shop", bad}, "", "{}", false));
    CHECK_FALSE(kBuilder.create(kPods, bad, "{}", false));
    CHECK_FALSE(kBuilder.logs({"shop", bad}, {}));
    CHECK_FALSE(kBuilder.exec_url({"shop", bad}, "", {"id"}));
  }
  CHECK_FALSE(kBuilder.list(kPods, "a/b", {}));
  CHECK_FALSE(kBuilder.watch(kPods, "..", {}));
  CHECK_FALSE(kBuilder.get(kNodes, {"shop", "n1"}));
  // What was put into the query of a name stays in the name.
  CHECK(kBuilder.get(kPods, {"shop", "a?x=1&y#z"})->url.ends_with("/pods/a%3Fx%3D1%26y%23z"));
}

TEST_CASE("lists carry selectors, limit and version, and a continue token clears the version") {
  const auto query_of = [](std::uint32_t limit, const std::function<void(ListParams&)>& set) {
    ListParams params;
    params.limit = limit;
    set(params);
    const std::string url = kBuilder.list(kPods, "shop", params)->url;
    return url.substr(std::min(url.find('?'), url.size()));
  };
  CHECK(query_of(500, [](ListParams&) {}) == "?limit=500");
  CHECK(query_of(0, [](ListParams&) {}).empty());
  CHECK(query_of(0, [](ListParams& params) {
          params.label_selector = "a in (b,c)";
          params.field_selector = "spec.nodeName=n";
        }) == "?labelSelector=a%20in%20%28b%2Cc%29&fieldSelector=spec.nodeName%3Dn");
  CHECK(query_of(0, [](ListParams& params) { params.resource_version = "7"; }) ==
        "?resourceVersion=7&resourceVersionMatch=NotOlderThan");
  CHECK(query_of(9, [](ListParams& params) {
          params.resource_version = "7";
          params.resource_version_match = "Exact";
        }) == "?limit=9&resourceVersion=7&resourceVersionMatch=Exact");
  CHECK(query_of(0, [](ListParams& params) { params.resource_version_match = "Exact"; }).empty());
  CHECK(query_of(5, [](ListParams& params) {
          params.continue_token = "a=+/";
          params.resource_version = "7";
          params.resource_version_match = "Exact";
        }) == "?limit=5&continue=a%3D%2B%2F");
}

TEST_CASE("a log can be asked for from its end") {
  const auto newest =
      kBuilder.logs(kWeb, {.tail_lines = 200, .since_time = WallTime(std::chrono::seconds(1'800'000'000))});
  CHECK(newest->url.ends_with("&tailLines=200&sinceTime=2027-01-15T08%3A00%3A00Z"));
}

TEST_CASE("watches ask for bookmarks and end, and are idle for a little longer than the server") {
  WatchParams params;
  params.label_selector = "a=b";
  params.resource_version = "12";
  params.timeout_seconds = 300;
  const auto watch = kBuilder.watch(kPods, "", params);
  CHECK(watch->url ==
        "https://h:6443/prefix/api/v1/"
        "pods?watch=true&allowWatchBookmarks=true&resourceVersion=12&timeoutSeconds=300"
        "&labelSelector=a%3Db");
  CHECK(watch->idle_timeout == std::chrono::seconds(305));
  CHECK_FALSE(watch->accept_compressed);
  CHECK_FALSE(watch->connection_pool.empty());
  CHECK(watch->connection_pool != kBuilder.watch(kPods, "shop", params)->connection_pool);
}

TEST_CASE("metadata alone is asked for with the kind of a list or of an object") {
  ListParams list;
  list.metadata_only = true;
  CHECK(accept_of(*kBuilder.list(kPods, "shop", list)) ==
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json");
  WatchParams watch;
  watch.metadata_only = true;
  CHECK(accept_of(*kBuilder.watch(kPods, "", watch)) ==
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json");
}

TEST_CASE("writes carry their body unchanged, its type, and dryRun where asked for") {
  const auto create = kBuilder.create(kConfigMaps, "shop", "{ }", true);
  CHECK(create->method == "POST");
  CHECK(create->url.ends_with("/configmaps?dryRun=All"));
  CHECK(create->body == "{ }");
  CHECK(*create->headers.find("content-type") == "application/json");
  const auto patch = kBuilder.patch(kPods, kWeb, "", "[ ]", false);
  CHECK(patch->method == "PATCH");
  CHECK(patch->body == "[ ]");
  CHECK(*patch->headers.find("content-type") == "application/json-patch+json");
  CHECK(kBuilder.update(kPods, kWeb, "", "{}", true)->url.ends_with("web-1?dryRun=All"));
}

TEST_CASE(
    "deletion carries preconditions and dryRun in the body, because the server passes over the query then") {
  const auto bare = kBuilder.remove(kPods, kWeb, {}, false);
  CHECK(bare->method == "DELETE");
  CHECK(nlohmann::json::parse(bare->body) == nlohmann::json{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}});
  const auto full = kBuilder.remove(
      kPods, kWeb,
      {.uid = "u1", .resource_version = "5", .grace_period_seconds = 0, .propagation_policy = "Foreground"},
      true);
  CHECK(full->url == bare->url);
  CHECK(nlohmann::json::parse(full->body) ==
        nlohmann::json::parse(R"({"apiVersion":"v1","kind":"DeleteOptions",
      "preconditions":{"uid":"u1","resourceVersion":"5"},"gracePeriodSeconds":0,"propagationPolicy":"Foreground","dryRun":["All"]})"));
}

TEST_CASE("logs and exec name container, limits and command") {
  CHECK(
      kBuilder.logs(kWeb, {.container = "c", .previous = true, .limit_bytes = 10})->url ==
      "https://h:6443/prefix/api/v1/namespaces/shop/pods/web-1/log?container=c&previous=true&timestamps=true"
      "&limitBytes=10");
  CHECK(*kBuilder.exec_url(kWeb, "c", {"sh", "-c", "a && b"}) ==
        "https://h:6443/prefix/api/v1/namespaces/shop/pods/web-1/"
        "exec?command=sh&command=-c&command=a%20%26%26%20b"
        "&container=c&stdout=true&stderr=true");
  CHECK_FALSE(kBuilder.exec_url(kWeb, "c", {}));
}

TEST_CASE("the user agent starts with a stable name") {
  CHECK(make_user_agent("kintsugi", "0.1.0", "abc").starts_with("kintsugi/0.1.0 (linux"));
  CHECK(make_user_agent("kintsugi", "0.1.0", "").ends_with(")"));
}
