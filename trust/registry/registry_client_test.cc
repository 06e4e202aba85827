// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_client.h"

#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/fake_registry.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace std::chrono_literals;
using testing::FakeRegistry;
using testing::response;

namespace {

/// A registry with one tagged image and a client for it.
struct World {
  FakeRegistry registry;
  testing::SkippingClock clock;
  ImageReference image;
  Digest digest = Digest::of("");
  std::stop_source stop;
  std::chrono::seconds patience{60};
  RegistryOptions options;
  std::optional<RegistryClient> made;

  explicit World(const std::string& name = "r.example.com/shop/web:1")
      : image(ImageReference::parse(name).value()) {
    digest = registry.put_image(image.repository, image.tag);
  }

  RegistryClient& client() {
    if (!made) made.emplace(registry, clock, options);
    return *made;
  }
  Call call() const { return {clock.monotonic() + patience, stop.get_token()}; }
  Result<Digest> resolve() { return client().resolve_tag(image, call()); }
  Result<RawManifest> get() { return client().get_manifest(image, digest, call()); }
  /// Everything is answered like this.
  void answer(const net::HttpResponse& with) {
    registry.intercept = [with](const net::HttpRequest&) { return FakeRegistry::Answer(with); };
  }
  void fail_with(const Error& error) {
    registry.intercept = [error](const net::HttpRequest&) { return FakeRegistry::Answer(fail(error)); };
  }
};

void give_credentials(World& world) {
  const std::string json = R"({"auths":{"r.example.com":{"username":"user","password":"hunter2"}}})";
  auto parsed = std::make_shared<const RegistryCredentials>(RegistryCredentials::parse(Secret(json)).value());
  world.options.credentials = [parsed] { return parsed; };
}

const std::string* authorization(const net::HttpRequest& request) {
  return request.headers.find("Authorization");
}

/// A registry that wants a token from `realm`, and the server that gives it.
void want_token(World& world, const std::string& realm, const std::string& token = "t0ken") {
  world.registry.intercept = [realm, token](const net::HttpRequest& request) -> FakeRegistry::Answer {
    if (request.url.starts_with(realm))
      return response(200, R"({"token":")" + token + R"(","expires_in":300})");
    if (request.bearer_token.equals("t0ken")) return std::nullopt;
    return response(401, "",
                    {{"WWW-Authenticate", "Bearer realm=\"" + realm + "\",service=\"r.example.com\""}});
  };
}

}  // namespace

TEST_CASE("a tag is resolved by one HEAD, a manifest is fetched by digest") {
  World world;
  CHECK(world.resolve().value() == world.digest);
  CHECK(world.registry.requests ==
        std::vector<std::string>{"HEAD https://r.example.com/v2/shop/web/manifests/1"});
  const auto manifest = world.get();
  REQUIRE(manifest);
  CHECK(manifest->digest == world.digest);
  CHECK(Digest::of(manifest->bytes) == world.digest);
  CHECK(manifest->media_type == kOciManifestType);
}

TEST_CASE("Docker Hub is asked at its API host") {
  World world("nginx:1");
  CHECK(world.resolve());
  CHECK(world.registry.requests.front() == "HEAD https://registry-1.docker.io/v2/library/nginx/manifests/1");
}

TEST_CASE("a tag is resolved by GET where HEAD tells nothing") {
  World world;
  const int status = GENERATE(405, 400, 200);
  world.registry.intercept = [&](const net::HttpRequest& request) -> FakeRegistry::Answer {
    if (request.method == "HEAD") return response(status);
    return std::nullopt;
  };
  CHECK(world.resolve().value() == world.digest);
}

TEST_CASE("what is not there is not found") {
  World world;
  world.image.tag = "2";
  const auto digest = world.resolve();
  REQUIRE_FALSE(digest);
  CHECK(digest.error().code == ErrorCode::kNotFound);
  CHECK(digest.error().reason == reason::kManifestUnknown);
  CHECK(digest.error().object == "r.example.com/shop/web");
  CHECK_FALSE(digest.error().retryable);
}

TEST_CASE("bytes that are not what they are named are refused") {
  World world;
  const Digest other = world.registry.put_image("shop/web", "other", "other");
  const std::string other_bytes = world.client().get_manifest(world.image, other, world.call())->bytes;
  const net::HttpResponse lie = GENERATE_REF(
      response(200, other_bytes, {{"Content-Type", kOciManifestType}}),
      response(200, other_bytes,
               {{"Content-Type", kOciManifestType}, {"Docker-Content-Digest", world.digest.text()}}),
      response(200, other_bytes,
               {{"Content-Type", kOciManifestType}, {"Docker-Content-Digest", other.text()}}),
      response(200, "", {{"Content-Type", kOciManifestType}}),
      response(200, "{}", {{"Content-Type", kOciIndexType}}));
  world.answer(lie);
  const auto manifest = world.get();
  REQUIRE_FALSE(manifest);
  CHECK(manifest.error().reason == reason::kDigestMismatch);
  CHECK_FALSE(manifest.error().retryable);
}

TEST_CASE("a manifest by tag whose bytes contradict Docker-Content-Digest is refused") {
  World world;
  world.answer(response(
      200, "{}", {{"Content-Type", kOciManifestType}, {"Docker-Content-Digest", world.digest.text()}}));
  CHECK(world.client().get_manifest(world.image, "1", world.call()).error().reason ==
        reason::kDigestMismatch);
}

TEST_CASE("a Content-Type that is no manifest's is refused, parameters are passed over") {
  World world;
  const std::string bytes = world.get()->bytes;
  for (const std::string type :
       {"", "text/html", "application/json", "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.oci.image.manifest.v1", "APPLICATION/VND.OCI.IMAGE.MANIFEST.V1+JSON"}) {
    world.answer(response(200, bytes, {{"Content-Type", type}}));
    INFO(type);
    CHECK(world.get().error().reason == reason::kMediaTypeMismatch);
  }
  world.answer(response(200, bytes));
  CHECK(world.get().error().reason == reason::kMediaTypeMismatch);
  world.answer(response(200, bytes, {{"Content-Type", std::string(kOciManifestType) + " ; charset=utf-8"}}));
  CHECK(world.get());
}

TEST_CASE("answers are bounded: 4 MiB for a manifest, its size for a blob") {
  World world;
  world.registry.intercept = [](const net::HttpRequest& request) -> FakeRegistry::Answer {
    // Stands for a transport that stops reading a body of 2 GB at the limit.
    CHECK(request.max_response_bytes <= 4u << 20);
    return fail(ErrorCode::kTooLarge, "the body is too long");
  };
  CHECK(world.get().error().reason == reason::kTooLarge);
  CHECK(world.resolve().error().reason == reason::kTooLarge);
  CHECK(world.client().get_blob(world.image, world.digest, 100, world.call()).error().reason ==
        reason::kTooLarge);
  CHECK(world.registry.details.back().max_response_bytes == (16u << 10));
  (void)world.client().get_blob(world.image, world.digest, 100'000, world.call());
  CHECK(world.registry.details.back().max_response_bytes == 100'000);
  CHECK(world.registry.requests.size() == 4);
  world.answer(response(200, std::string(101, 'x')));
  CHECK(world.client().get_blob(world.image, world.digest, 100, world.call()).error().reason ==
        reason::kTooLarge);
}

TEST_CASE("a blob must have its digest and its size") {
  World world;
  const Digest blob = world.registry.put_blob("shop/web", "payload");
  CHECK(world.client().get_blob(world.image, blob, 7, world.call()).value() == "payload");
  CHECK(world.client().get_blob(world.image, blob, 8, world.call()).error().reason ==
        reason::kDigestMismatch);
  CHECK(world.client().get_blob(world.image, blob, 6, world.call()).error().reason == reason::kTooLarge);
  world.answer(response(200, "Payload"));
  CHECK(world.client().get_blob(world.image, blob, 7, world.call()).error().reason ==
        reason::kDigestMismatch);
}

TEST_CASE("a large blob comes in parts, and is the right one or refused") {
  World world;
  const std::string content = std::string(kBlobPartBytes, 'a') + std::string(kBlobPartBytes, 'b') + "end";
  const Digest digest = world.registry.put_blob("shop/web", content);
  const Descriptor blob{"application/octet-stream", digest, std::int64_t(content.size()), {}, "", ""};
  std::string got;
  const auto take = [&](std::string_view bytes) -> Result<void> {
    got += bytes;
    return {};
  };
  const auto download = [&](const Descriptor& which) {
    got.clear();
    return world.client().download_blob(world.image, which, take, world.call());
  };
  const auto reason_of = [&](const Descriptor& which) {
    const auto outcome = download(which);
    REQUIRE_FALSE(outcome);
    return outcome.error().reason;
  };

  SECTION("whole") {
    REQUIRE(download(blob));
    CHECK(got == content);
    CHECK(world.registry.requests.size() == 3);
    REQUIRE(download({"", Digest::of(""), 0, {}, "", ""}));  // nothing is asked for
    CHECK(world.registry.requests.size() == 3);
  }
  SECTION("a part is tried again by itself") {
    int troubles = 1;
    world.registry.intercept = [&](const net::HttpRequest& request) -> FakeRegistry::Answer {
      const std::string* range = request.headers.find("Range");
      const bool is_second = range != nullptr && range->starts_with("bytes=4194304-");
      if (is_second && troubles-- > 0) return fail(make_error(ErrorCode::kUnavailable, "cut"));
      return std::nullopt;
    };
    REQUIRE(download(blob));
    CHECK(got == content);
    CHECK(world.registry.requests.size() == 4);
  }
  SECTION("of another size") {
    Descriptor longer = blob, shorter = blob;
    ++longer.size;
    --shorter.size;
    CHECK(reason_of(longer) == reason::kRegistryProtocol);
    CHECK(reason_of(shorter) == reason::kRegistryProtocol);
  }
  SECTION("with another content") {
    world.registry.intercept = [&](const net::HttpRequest& request) -> FakeRegistry::Answer {
      const std::string* range = request.headers.find("Range");
      if (range == nullptr || !range->starts_with("bytes=8388608-")) return std::nullopt;
      return response(206, "eNd", {{"Content-Range", "bytes 8388608-8388610/8388611"}});
    };
    CHECK(reason_of(blob) == reason::kDigestMismatch);
  }
  SECTION("another part than was asked for") {
    for (const char* said :
         {"", "bytes 0-4194303/8388612", "bytes 0-4194304/8388611", "bytes 1-4194304/8388611"}) {
      INFO(said);
      world.registry.intercept = [&, said](const net::HttpRequest&) -> FakeRegistry::Answer {
        return response(206, std::string(kBlobPartBytes, 'a'), {{"Content-Range", said}});
      };
      CHECK(reason_of(blob) == reason::kRegistryProtocol);
    }
  }
  SECTION("from a registry without ranges") {
    world.registry.has_ranges = false;
    CHECK(reason_of(blob) == reason::kTooLarge);
    const Digest small = world.registry.put_blob("shop/web", "small");
    REQUIRE(download({"", small, 5, {}, "", ""}));
    CHECK(got == "small");
  }
  SECTION("until its taker has enough") {
    const auto outcome = world.client().download_blob(
        world.image, blob,
        [](std::string_view) -> Result<void> { return fail(ErrorCode::kInternal, "the disk is full"); },
        world.call());
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().message == "the disk is full");
    CHECK(world.registry.requests.size() == 1);
  }
}

TEST_CASE("an error that is longer than the blob is told as what it is") {
  World world;
  world.answer(response(404, R"({"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]})"));
  const auto blob = world.client().get_blob(world.image, world.digest, 2, world.call());
  REQUIRE_FALSE(blob);
  CHECK(blob.error().reason == reason::kManifestUnknown);
}

TEST_CASE("a registry that hangs or is slow ends at the deadline") {
  World world;
  world.registry.intercept = [&](const net::HttpRequest& request) -> FakeRegistry::Answer {
    CHECK(request.timeout <= 10s);
    world.clock.advance(request.timeout);
    return fail(ErrorCode::kTimeout, "no answer");
  };
  const auto digest = world.resolve();
  REQUIRE_FALSE(digest);
  CHECK(digest.error().reason == reason::kRegistryTimeout);
  CHECK(digest.error().retryable);
  CHECK(world.clock.passed() <= 10s);
  world.patience = 3s;
  (void)world.resolve();
  CHECK(world.clock.passed() <= 13s);
  world.patience = 0s;
  world.registry.requests.clear();
  CHECK(world.resolve().error().reason == reason::kRegistryTimeout);
  CHECK(world.registry.requests.empty());
}

TEST_CASE("a registry that is down is asked three times, with growing pauses") {
  World world;
  const int status = GENERATE(0, 500, 502, 503, 504);
  if (status == 0) {
    world.fail_with(make_error(ErrorCode::kUnavailable, "connection refused"));
  } else {
    world.answer(response(status));
  }
  const auto digest = world.resolve();
  REQUIRE_FALSE(digest);
  CHECK(digest.error().reason == reason::kRegistryUnavailable);
  CHECK(digest.error().retryable);
  CHECK(world.registry.requests.size() == 3);
  CHECK(world.clock.passed() == 1500ms);
}

TEST_CASE("Retry-After is waited for as long as it fits before the deadline") {
  World world;
  int refusals = 1;
  std::string after = "7";
  world.registry.intercept = [&](const net::HttpRequest&) -> FakeRegistry::Answer {
    if (refusals-- > 0) return response(429, "", {{"Retry-After", after}});
    return std::nullopt;
  };
  CHECK(world.resolve());
  CHECK(world.clock.passed() == 7s);

  refusals = 100;
  after = GENERATE("86400", "61", "99999999999999999999");
  const auto limited = world.resolve();
  REQUIRE_FALSE(limited);
  CHECK(limited.error().reason == reason::kRegistryRateLimited);
  CHECK(limited.error().retryable);
  CHECK(limited.error().retry_after >= 61s);
  CHECK(limited.error().retry_after <= 24h);
  CHECK(world.clock.passed() == 7s);
}

TEST_CASE("a Retry-After that is no number of seconds counts as absent") {
  World world;
  for (const std::string after : {"", "-1", "soon", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT"}) {
    world.answer(response(503, "", {{"Retry-After", after}}));
    CHECK_FALSE(world.resolve().error().retry_after);
  }
}

TEST_CASE("a stop ends the call") {
  World world;
  world.registry.intercept = [&](const net::HttpRequest&) -> FakeRegistry::Answer {
    world.stop.request_stop();
    return response(503, "", {{"Retry-After", "5"}});
  };
  CHECK(world.resolve().error().reason == reason::kCancelled);
  CHECK(world.registry.requests.size() == 1);
}

TEST_CASE("unexpected answers are an error of their own") {
  World world;
  world.answer(response(GENERATE(100, 204, 206, 400, 418)));
  CHECK(world.get().error().reason == reason::kRegistryProtocol);
}

TEST_CASE("plain HTTP is spoken on loopback only, and only when https does not work") {
  World world(GENERATE(as<std::string>(), "localhost:5000/shop/web:1", "127.0.0.1:5000/shop/web:1",
                       "[::1]:5000/shop/web:1"));
  world.registry.plain_http_only = true;
  CHECK(world.resolve());
  CHECK(world.registry.requests.back().starts_with("HEAD http://"));
  world.registry.requests.clear();
  CHECK(world.get());
  CHECK(world.registry.requests.size() == 1);
}

TEST_CASE("plain HTTP elsewhere needs allow_http") {
  World world("10.0.0.1:5000/shop/web:1");
  world.registry.plain_http_only = true;
  const auto refused = world.resolve();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == reason::kRegistryUnavailable);
  CHECK_THAT(refused.error().advice, Catch::Contains("--allow-http-registry"));
  for (const std::string& request : world.registry.requests) CHECK(request.starts_with("HEAD https://"));
  World allowed("10.0.0.1:5000/shop/web:1");
  allowed.registry.plain_http_only = true;
  allowed.options.allow_http = true;
  CHECK(allowed.resolve());
}

TEST_CASE("a registry that once spoke https is never asked in plain HTTP") {
  World world("localhost:5000/shop/web:1");
  CHECK(world.resolve());
  world.registry.plain_http_only = true;
  CHECK(world.resolve().error().reason == reason::kRegistryUnavailable);
}

TEST_CASE("an anonymous token is fetched once and used again until it expires") {
  World world;
  want_token(world, "https://auth.example.com/token");
  CHECK(world.resolve());
  CHECK(world.get());
  REQUIRE(world.registry.requests.size() == 4);
  CHECK(world.registry.requests[1] ==
        "GET https://auth.example.com/token?service=r.example.com&scope=repository%3Ashop%2Fweb%3Apull");
  CHECK(authorization(world.registry.details[1]) == nullptr);
  world.clock.advance(300s);
  CHECK(world.get());
  CHECK(world.registry.requests.size() == 7);
}

TEST_CASE("credentials go to the token server and nowhere else") {
  World world;
  give_credentials(world);
  want_token(world, "https://auth.example.com/token?x=1");
  CHECK(world.resolve());
  REQUIRE(world.registry.details.size() == 3);
  CHECK(world.registry.requests[1].find("?x=1&service=") != std::string::npos);
  CHECK(*authorization(world.registry.details[1]) == "Basic " + base64_encode("user:hunter2"));
  CHECK(authorization(world.registry.details[0]) == nullptr);
  CHECK(authorization(world.registry.details[2]) == nullptr);
}

TEST_CASE("a token server that is not safe to ask is not asked") {
  World world;
  give_credentials(world);
  const std::string realm = GENERATE("http://auth.example.com/token", "http://127.0.0.1/token",
                                     "https://127.0.0.1/token", "ftp://a.io/", "", "https://u:p@a.io/");
  want_token(world, realm.empty() ? "x" : realm);
  CHECK_FALSE(world.resolve());
  for (const auto& request : world.registry.details) CHECK(authorization(request) == nullptr);
  CHECK(world.registry.requests.size() == 1);
}

TEST_CASE("a registry that refuses each token is asked twice and no more") {
  World world;
  want_token(world, "https://auth.example.com/token", "wrong");
  const auto digest = world.resolve();
  REQUIRE_FALSE(digest);
  CHECK(digest.error().reason == reason::kRegistryUnauthorized);
  CHECK(world.registry.requests.size() == 3);
}

TEST_CASE("a token server in trouble does not make an image unknown") {
  World world;
  const int status = GENERATE(302, 400, 401, 404, 429, 500);
  world.registry.intercept = [status](const net::HttpRequest& request) -> FakeRegistry::Answer {
    if (request.url.starts_with("https://auth."))
      return response(status, "", {{"Location", "https://evil.io/"}});
    return response(401, "", {{"WWW-Authenticate", R"(Bearer realm="https://auth.example.com/")"}});
  };
  const auto digest = world.resolve();
  REQUIRE_FALSE(digest);
  CHECK(digest.error().code != ErrorCode::kNotFound);
  CHECK(digest.error().reason == (status == 429   ? reason::kRegistryRateLimited
                                  : status == 500 ? reason::kRegistryUnavailable
                                                  : reason::kRegistryUnauthorized));
}

TEST_CASE("basic credentials answer a basic challenge, once") {
  World world;
  const bool known = GENERATE(true, false);
  if (known) give_credentials(world);
  world.registry.intercept = [](const net::HttpRequest& request) -> FakeRegistry::Answer {
    const std::string* given = authorization(request);
    if (given != nullptr && *given == "Basic " + base64_encode("user:hunter2")) return std::nullopt;
    return response(401, "", {{"WWW-Authenticate", R"(Basic realm="r")"}});
  };
  const auto digest = world.resolve();
  CHECK(digest.has_value() == known);
  if (!known) {
    CHECK(digest.error().reason == reason::kRegistryUnauthorized);
    return;
  }
  CHECK(world.get());
  CHECK(world.registry.requests.size() == 3);
}

TEST_CASE("401 without a known challenge and 403 are unauthorized") {
  World world;
  world.answer(
      GENERATE(response(401), response(403), response(401, "", {{"WWW-Authenticate", "Negotiate"}})));
  CHECK(world.resolve().error().reason == reason::kRegistryUnauthorized);
}

TEST_CASE("a redirected blob is followed without the credentials of the registry") {
  World world;
  give_credentials(world);
  const Digest blob = world.registry.put_blob("shop/web", "payload");
  world.registry.intercept = [](const net::HttpRequest& request) -> FakeRegistry::Answer {
    if (request.url.starts_with("https://cdn.io/")) return response(200, "payload");
    if (authorization(request) == nullptr) return response(401, "", {{"WWW-Authenticate", "Basic"}});
    return response(307, "", {{"Location", "https://cdn.io/x?signature=y"}});
  };
  CHECK(world.client().get_blob(world.image, blob, 7, world.call()).value() == "payload");
  CHECK(world.registry.requests.back() == "GET https://cdn.io/x?signature=y");
  CHECK(authorization(world.registry.details.back()) == nullptr);
  CHECK(world.registry.details.back().bearer_token.empty());
  CHECK(world.registry.details.back().max_response_bytes == (16u << 10));
}

TEST_CASE("redirects that must not be followed are not") {
  World world;
  const Digest blob = world.registry.put_blob("shop/web", "payload");
  const std::string location = GENERATE("http://cdn.io/x", "http://r.example.com/x", "https://127.0.0.1/x",
                                        "https://localhost:6443/api", "file:///etc/passwd", "//cdn.io/x",
                                        "https://u:p@cdn.io/", "x", "");
  world.registry.intercept = [&](const net::HttpRequest& request) -> FakeRegistry::Answer {
    CHECK(request.url.starts_with("https://r.example.com/v2/"));
    return response(302, "", {{"Location", location}});
  };
  const auto refused = world.client().get_blob(world.image, blob, 7, world.call());
  REQUIRE_FALSE(refused);
  CHECK((refused.error().reason == reason::kRedirectRefused ||
         refused.error().reason == reason::kRegistryProtocol));
  CHECK(world.registry.requests.size() == 1);
}

TEST_CASE("redirects in a circle end, and a manifest is not redirected at all") {
  World world;
  world.answer(response(302, "", {{"Location", "/again"}}));
  CHECK(world.client().get_blob(world.image, world.digest, 7, world.call()).error().reason ==
        reason::kRedirectRefused);
  CHECK(world.registry.requests.size() == 4);
  CHECK(world.get().error().reason == reason::kRedirectRefused);
  CHECK(world.registry.requests.size() == 5);
}

TEST_CASE("a registry in trouble is not a registry without referrers") {
  World world;
  world.answer(response(GENERATE(401, 403, 429, 500, 503)));
  CHECK(world.client().get_referrers(world.image, world.digest, world.call()).error().code !=
        ErrorCode::kNotFound);
}
