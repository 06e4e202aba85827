// SPDX-License-Identifier: Apache-2.0
//
// Images at mirrors, and registries that lie.
#include <fmt/format.h>

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

constexpr char kMirror[] = "https://mirror.corp/v2/hub/library/web/";
constexpr char kOrigin[] = "https://registry-1.docker.io/v2/library/web/";

/// An image on Docker Hub and what its mirror answers.
struct World {
  FakeRegistry registry;
  testing::SkippingClock clock;
  ImageReference image = ImageReference::parse("web:1").value();
  Digest digest = registry.put_image("library/web", "1");
  RegistryClient client{registry, clock, options()};

  static RegistryOptions options() {
    RegistryOptions options;
    options.mirrors = {{"docker.io/library", "mirror.corp/hub/library"}, {"docker.io", "second.corp"}};
    return options;
  }
  Call call() const { return {clock.monotonic() + 60s, {}}; }
  void mirror_answers(const Result<net::HttpResponse>& with) {
    registry.intercept = [with](const net::HttpRequest& request) -> FakeRegistry::Answer {
      if (request.url.starts_with(kMirror)) return with;
      if (request.url.starts_with("https://second.corp/")) return response(404);
      return std::nullopt;
    };
  }
};

net::HttpResponse head_of(const Digest& digest) {
  return response(200, "", {{"Content-Type", kOciManifestType}, {"Docker-Content-Digest", digest.text()}});
}

std::vector<std::string> names_of(const std::string& image, const std::vector<RegistryMirror>& mirrors) {
  std::vector<std::string> names;
  for (const RegistrySource& source : sources_of(ImageReference::parse(image).value(), mirrors))
    names.push_back(source.image.to_string() + (source.is_mirror ? " mirror" : ""));
  return names;
}

}  // namespace

TEST_CASE("mirrors are those whose prefix ends at a slash of the image's name") {
  using Names = std::vector<std::string>;
  const std::vector<RegistryMirror> mirrors = {{"docker.io/library", "mirror.corp/hub/library"},
                                               {"docker.io", "m2.corp:5000"},
                                               {"r.io/a/b", "m3.corp/c"}};
  CHECK(check_mirrors(mirrors));
  CHECK(names_of("web:1", mirrors) == Names{"mirror.corp/hub/library/web:1 mirror",
                                            "m2.corp:5000/library/web:1 mirror", "docker.io/library/web:1"});
  CHECK(names_of("team/web:1", mirrors) == Names{"m2.corp:5000/team/web:1 mirror", "docker.io/team/web:1"});
  CHECK(names_of("r.io/a/b:1", mirrors) == Names{"m3.corp/c:1 mirror", "r.io/a/b:1"});
  CHECK(names_of("r.io/a/bc:1", mirrors) == Names{"r.io/a/bc:1"});
  CHECK(names_of("docker.io.evil.io/web:1", mirrors) == Names{"docker.io.evil.io/web:1"});
}

TEST_CASE("mirrors that are no names are refused") {
  const std::string bad = GENERATE("", "library", "nginx", "https://r.io", "r.io/", "/r.io", "R.io", "r.io/A",
                                   "r.io/a:1", "*.io", "index.docker.io", "r.io//a", "r.io:x");
  INFO(bad);
  CHECK_FALSE(check_mirrors({{bad, "m.corp"}}));
  CHECK_FALSE(check_mirrors({{"r.io", bad}}));
}

TEST_CASE("a mirror that has the image is asked alone") {
  World world;
  const Digest other = Digest::of("an older image");
  world.mirror_answers(head_of(other));
  CHECK(world.client.resolve_tag(world.image, world.call()).value() == other);
  CHECK(world.registry.requests == std::vector<std::string>{std::string("HEAD ") + kMirror + "manifests/1"});
}

TEST_CASE("what a mirror has not, or cannot say, comes from the next one and at last from the origin") {
  World world;
  world.mirror_answers(
      GENERATE(Result<net::HttpResponse>(response(404)), Result<net::HttpResponse>(response(503)),
               Result<net::HttpResponse>(response(429, "", {{"Retry-After", "5"}})),
               Result<net::HttpResponse>(fail(ErrorCode::kUnavailable, "connection refused")),
               Result<net::HttpResponse>(fail(ErrorCode::kTimeout, "no answer"))));
  CHECK(world.client.resolve_tag(world.image, world.call()).value() == world.digest);
  CHECK(world.registry.requests ==
        std::vector<std::string>{std::string("HEAD ") + kMirror + "manifests/1",
                                 "HEAD https://second.corp/v2/library/web/manifests/1",
                                 std::string("HEAD ") + kOrigin + "manifests/1"});
  CHECK(world.clock.passed() == 0s);
  const Digest blob = world.registry.put_blob("library/web", "payload");
  CHECK(world.client.get_blob(world.image, blob, 7, world.call()).value() == "payload");
  CHECK(world.client.get_manifest(world.image, world.digest, world.call()));
  world.registry.refer("library/web", world.digest, Digest::of("referrer"));
  CHECK(world.client.get_referrers(world.image, world.digest, world.call())->size() == 1);
}

TEST_CASE("a mirror that lies or refuses is an error with its name, and nobody else is asked") {
  World world;
  world.mirror_answers(GENERATE(response(401), response(403), response(302, "", {{"Location", "/x"}}),
                                response(418), response(200, "{}", {{"Content-Type", kOciManifestType}}),
                                response(200, "{}", {{"Content-Type", "text/html"}})));
  const auto manifest = world.client.get_manifest(world.image, world.digest, world.call());
  REQUIRE_FALSE(manifest);
  CHECK(manifest.error().object == "mirror.corp/hub/library/web");
  CHECK(world.registry.requests.size() == 1);
  const Digest blob = world.registry.put_blob("library/web", "payload");
  world.mirror_answers(response(200, "Payload"));
  CHECK(world.client.get_blob(world.image, blob, 7, world.call()).error().reason == reason::kDigestMismatch);
}

TEST_CASE("where nobody has it, the origin's error counts") {
  World world;
  world.image.tag = "2";
  world.mirror_answers(response(503));
  const auto digest = world.client.resolve_tag(world.image, world.call());
  REQUIRE_FALSE(digest);
  CHECK(digest.error().code == ErrorCode::kNotFound);
  CHECK(digest.error().object == "docker.io/library/web");
}

TEST_CASE("a mirror that knows of no referrers does not hide the origin's") {
  World world;
  world.registry.refer("library/web", world.digest, Digest::of("referrer"));
  world.mirror_answers(
      response(200, R"({"schemaVersion":2,"manifests":[]})", {{"Content-Type", kOciIndexType}}));
  const auto list = world.client.get_referrers(world.image, world.digest, world.call());
  REQUIRE(list);
  REQUIRE(list->size() == 1);
  CHECK(list->front().digest == Digest::of("referrer"));
}

TEST_CASE("an answer to HEAD that is not to be believed leads to GET, whose bytes count") {
  World world;
  const std::string other = Digest::of("other").text();
  const net::HttpResponse head = GENERATE_COPY(
      response(200, "", {{"Content-Type", "text/html"}, {"Docker-Content-Digest", other}}),
      response(200, "", {{"Content-Type", kOciManifestType}}), response(200),
      response(200, "", {{"Content-Type", kOciManifestType}, {"Docker-Content-Digest", "sha256:1"}}),
      response(200, "",
               {{"Content-Type", kOciManifestType}, {"Docker-Content-Digest", "sha512:" + other.substr(7)}}),
      response(200, "",
               {{"Content-Type", kOciManifestType},
                {"Docker-Content-Digest", other},
                {"Docker-Content-Digest", Digest::of("third").text()}}));
  world.registry.intercept = [&](const net::HttpRequest& request) -> FakeRegistry::Answer {
    if (!request.url.starts_with(kOrigin)) return response(404);
    if (request.method == "HEAD") return head;
    return std::nullopt;
  };
  CHECK(world.client.resolve_tag(world.image, world.call()).value() == world.digest);
}

TEST_CASE("HEAD and GET that disagree end with a digest whose content is not there") {
  World world;
  const Digest other = Digest::of("other");
  world.registry.intercept = [&](const net::HttpRequest& request) -> FakeRegistry::Answer {
    if (request.method == "HEAD") return head_of(other);
    // Whatever is asked for, the registry sends what the tag is.
    return response(200, R"({"schemaVersion":2})",
                    {{"Content-Type", kOciManifestType}, {"Docker-Content-Digest", other.text()}});
  };
  const auto digest = world.client.resolve_tag(world.image, world.call());
  REQUIRE(digest);
  CHECK(world.client.get_manifest(world.image, *digest, world.call()).error().reason ==
        reason::kDigestMismatch);
}

TEST_CASE("each Docker-Content-Digest must be that of the bytes, of manifests and of blobs") {
  World world;
  const std::string bytes = world.client.get_manifest(world.image, world.digest, world.call())->bytes;
  const std::string other = Digest::of("other").text();
  for (const std::string& claim :
       {other, std::string("sha512:1"), std::string(), " " + world.digest.text()}) {
    world.mirror_answers(response(200, bytes,
                                  {{"Content-Type", kOciManifestType},
                                   {"Docker-Content-Digest", world.digest.text()},
                                   {"docker-content-digest", claim}}));
    CHECK(world.client.get_manifest(world.image, world.digest, world.call()).error().reason ==
          reason::kDigestMismatch);
    CHECK(world.client.get_manifest(world.image, "1", world.call()).error().reason ==
          reason::kDigestMismatch);
  }
  world.mirror_answers(response(200, "payload", {{"Docker-Content-Digest", other}}));
  CHECK(world.client.get_blob(world.image, Digest::of("payload"), 7, world.call()).error().reason ==
        reason::kDigestMismatch);
}
