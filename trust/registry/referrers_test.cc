// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/referrers.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "trust/crypto/reasons.h"
#include "trust/registry/registry_client.h"
#include "trust/testing/fake_registry.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace std::chrono_literals;
using testing::FakeRegistry;
using testing::response;

namespace {

struct World {
  FakeRegistry registry;
  testing::SkippingClock clock;
  ImageReference image = ImageReference::parse("r.example.com/shop/web:1").value();
  Digest digest = registry.put_image("shop/web", "1");
  std::stop_source stop;
  RegistryClient client{registry, clock};
  std::string path = "/v2/shop/web/referrers/" + digest.text();
  std::string tag = "/manifests/sha256-" + std::string(digest.hex());

  void refer(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) registry.refer("shop/web", digest, Digest::of(std::to_string(i)));
  }
  Result<std::vector<Descriptor>> get() {
    return client.get_referrers(image, digest, {clock.monotonic() + 60s, stop.get_token()});
  }
  std::string reason() {
    const auto list = get();
    return list ? fmt::format("{} entries", list->size()) : list.error().reason;
  }
  std::size_t asked(const std::string& what) const {
    return std::size_t(std::count_if(registry.requests.begin(), registry.requests.end(),
                                     [&](const std::string& r) { return r.find(what) != r.npos; }));
  }
  /// The API answers like this, whatever the page.
  void answer(const net::HttpResponse& with) {
    registry.intercept = [with](const net::HttpRequest& request) -> FakeRegistry::Answer {
      if (request.url.find("/referrers/") == std::string::npos) return std::nullopt;
      return with;
    };
  }
  /// A first page with this link, and a second one that is empty under any URL.
  void link(const std::string& value) {
    registry.intercept = [this, value](const net::HttpRequest& request) -> FakeRegistry::Answer {
      if (request.url.find("/manifests/") != std::string::npos) return std::nullopt;
      if (request.url.ends_with(path)) return page({{"Link", value}});
      return page({});
    };
  }
  static net::HttpResponse page(std::vector<std::pair<std::string, std::string>> headers) {
    headers.emplace_back("Content-Type", kOciIndexType);
    return response(200, R"({"schemaVersion":2,"manifests":[]})", headers);
  }
};

}  // namespace

TEST_CASE("referrers come from the API, page by page, or from the fallback tag") {
  World world;
  world.registry.referrers_page = GENERATE(0u, 1u, 2u, 4u, 100u);
  CHECK(world.reason() == "0 entries");
  world.refer(5);
  const auto list = world.get();
  REQUIRE(list);
  REQUIRE(list->size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK((*list)[i].digest == Digest::of(std::to_string(i)));
}

TEST_CASE("API and fallback tag are asked at once, and the tag no more once the API has been seen") {
  World world;
  const bool has_api = GENERATE(true, false);
  world.registry.referrers_page = has_api ? 10 : 0;
  world.refer(1);
  CHECK(world.reason() == "1 entries");
  CHECK(world.asked(world.path) == 1);
  CHECK(world.asked(world.tag) <= 1);
  world.registry.requests.clear();
  CHECK(world.reason() == "1 entries");
  CHECK(world.asked(world.path) == 1);
  CHECK(world.asked(world.tag) == (has_api ? 0 : 1));
}

TEST_CASE("the API's answer wins over a fallback tag, even an empty one") {
  World world;
  world.refer(3);
  world.answer(World::page({}));
  CHECK(world.reason() == "0 entries");
  world.registry.intercept = nullptr;
  CHECK(world.reason() == "3 entries");  // the API is gone: the tag counts again
}

TEST_CASE("the answers of registries without the API lead to the fallback tag") {
  World world;
  world.refer(2);
  world.answer(GENERATE(response(400), response(404), response(405), response(406),
                        response(200, "<html>", {{"Content-Type", "text/html"}}), response(200, "{}"),
                        response(200, "{}", {{"Content-Type", kOciManifestType}})));
  CHECK(world.reason() == "2 entries");
}

TEST_CASE("an API in trouble is not a registry without referrers, whatever the tag says") {
  World world;
  world.refer(2);
  world.answer(GENERATE(response(302, "", {{"Location", "/x"}}), response(401), response(403), response(429),
                        response(500), response(503)));
  CHECK_FALSE(world.get());
}

TEST_CASE("a fallback tag that cannot be read is an error") {
  World world;
  const net::HttpResponse bad =
      GENERATE(response(401), response(503), response(200, "{}", {{"Content-Type", kOciIndexType}}),
               response(200, "{}"));
  world.registry.intercept = [&](const net::HttpRequest& request) -> FakeRegistry::Answer {
    if (request.url.ends_with(world.tag)) return bad;
    return std::nullopt;
  };
  CHECK_FALSE(world.get());
}

TEST_CASE("an index of the API that is none is an error and leads nowhere else") {
  World world;
  world.refer(2);
  const std::string body =
      GENERATE("", "[]", "{}", R"({"schemaVersion":1,"manifests":[]})", R"({"schemaVersion":2})",
               R"({"schemaVersion":2,"manifests":[{}]})", R"({"schemaVersion":2,"manifests":{}})",
               R"({"schemaVersion":2,"manifests":[],"layers":[]})");
  world.answer(response(200, body, {{"Content-Type", kOciIndexType}}));
  CHECK(world.reason() == reason::kManifestMalformed);
}

TEST_CASE("a next page is asked for on the same origin and path only") {
  World world;
  SECTION("links that stay") {
    const std::string target = GENERATE_REF(
        as<std::string>(), "?n=2", world.path + "?n=2", "https://r.example.com" + world.path + "?n=2",
        "https://R.example.com:443" + world.path + "?n=2",
        "/v2/shop/web/referrers/sha256%3A" + std::string(world.digest.hex()) + "?n=2");
    world.link("<" + target + ">; rel=next");
    CHECK(world.reason() == "0 entries");
    CHECK(world.asked("GET https://r.example.com" + world.path + "?n=2") == 1);
  }
  SECTION("links that leave") {
    const std::string target = GENERATE_REF(
        as<std::string>(), "http://r.example.com" + world.path + "?n=2",
        "https://r.example.com:444" + world.path + "?n=2", "https://evil.io" + world.path + "?n=2",
        "https://r.example.com.evil.io" + world.path, "//evil.io" + world.path,
        "https://u:p@r.example.com" + world.path + "?n=2", "/v2/shop/other/referrers/x?n=2", "/?n=2",
        world.path + "/../x?n=2", world.path + "x?n=2", "x?n=2", "?n=\x7f", world.path + "?n=2#x",
        "https://127.0.0.1" + world.path);
    INFO(target);
    world.link("<" + target + ">; rel=next");
    CHECK(world.reason() == reason::kRegistryProtocol);
    CHECK(world.asked("n=2") == 0);
  }
  SECTION("a link that cannot be read") {
    world.link("next");
    CHECK(world.reason() == reason::kRegistryProtocol);
  }
}

TEST_CASE("pages in a circle end") {
  World world;
  const std::string target = GENERATE_REF(as<std::string>(), world.path, "", "?a", "?");
  INFO(target);
  world.answer(World::page({{"Link", "<" + target + ">; rel=next"}}));
  CHECK(world.reason() == reason::kRegistryProtocol);
  CHECK(world.asked("/referrers/") <= 2);
}

TEST_CASE("a next page must be an index, or the list is not known") {
  World world;
  const net::HttpResponse second =
      GENERATE(response(400), response(404), response(200, "{}"), response(503), response(401),
               response(200, "{}", {{"Content-Type", kOciIndexType}}));
  world.refer(1);
  world.registry.intercept = [&](const net::HttpRequest& request) -> FakeRegistry::Answer {
    if (request.url.ends_with(world.path)) return World::page({{"Link", "<?n=2>; rel=next"}});
    if (request.url.ends_with("?n=2")) return second;
    return std::nullopt;
  };
  const auto list = world.get();
  REQUIRE_FALSE(list);
  CHECK(list.error().code != ErrorCode::kNotFound);
  CHECK(list.error().object == "r.example.com/shop/web");
}

TEST_CASE("eight pages are read, and 1,024 entries") {
  World world;
  SECTION("eight pages") {
    world.registry.referrers_page = 2;
    world.refer(16);
    CHECK(world.reason() == "16 entries");
    CHECK(world.asked("/referrers/") == 8);
  }
  SECTION("nine pages") {
    world.registry.referrers_page = 2;
    world.refer(17);
    CHECK(world.reason() == reason::kTooLarge);
    CHECK(world.asked("/referrers/") == 8);
    CHECK(world.get().error().code == ErrorCode::kTooLarge);
  }
  SECTION("1,024 entries") {
    world.registry.referrers_page = 512;
    world.refer(1024);
    CHECK(world.reason() == "1024 entries");
  }
  SECTION("1,025 entries on two pages") {
    world.registry.referrers_page = 1000;
    world.refer(1025);
    CHECK(world.reason() == reason::kTooLarge);
  }
  SECTION("1,025 entries on one page") {
    world.registry.referrers_page = 2000;
    world.refer(1025);
    CHECK(world.reason() == reason::kTooLarge);
  }
}

TEST_CASE("a stop ends the search for referrers") {
  World world;
  world.stop.request_stop();
  CHECK(world.reason() == reason::kCancelled);
  CHECK(world.registry.requests.empty());
}
