// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_logins.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "base/encoding.h"
#include "net/testing/scripted_transport.h"
#include "trust/crypto/reasons.h"
#include "trust/registry/registry_client.h"
#include "trust/testing/fake_registry.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace std::chrono_literals;
using testing::FakeRegistry;
using testing::response;

namespace {

constexpr char kRealm[] = "https://auth.example.com/token";

/// What helpers answer, by "name server".
class ScriptedHelpers final : public CredentialHelpers {
 public:
  Result<std::optional<RegistryCredential>> get(const std::string& name, const std::string& server,
                                                const Call&) override {
    asked.push_back(name + " " + server);
    return answer;
  }
  Result<std::optional<RegistryCredential>> answer = std::nullopt;
  std::vector<std::string> asked;
};

/// A registry that wants a token, its token server, and a client with a docker config.
struct World {
  FakeRegistry registry;
  testing::SkippingClock clock;
  ImageReference image = ImageReference::parse("r.example.com/shop/web:1").value();
  RegistryOptions options;
  std::shared_ptr<ScriptedHelpers> helpers = std::make_shared<ScriptedHelpers>();
  std::string challenge = std::string("Bearer realm=\"") + kRealm + "\",service=\"r&x\"";
  std::string accepted = "t0ken";  ///< the token that the registry takes
  int token_status = 200;

  World() {
    registry.put_image("shop/web", "1");
    registry.intercept = [this](const net::HttpRequest& request) -> FakeRegistry::Answer {
      if (request.url.starts_with(kRealm))
        return response(token_status, R"({"access_token":"t0ken","expires_in":300})");
      if (request.bearer_token.equals(accepted)) return std::nullopt;
      return response(401, "", {{"WWW-Authenticate", challenge}});
    };
  }
  void config(const std::string& json) {
    auto parsed =
        std::make_shared<const RegistryCredentials>(RegistryCredentials::parse(Secret(json)).value());
    options.credentials = [parsed] { return parsed; };
  }
  Result<Digest> resolve() {
    RegistryClient client(registry, clock, options);
    return client.resolve_tag(image, {clock.monotonic() + 60s, {}});
  }
  const net::HttpRequest& detail(std::size_t i) const { return registry.details.at(i); }
};

bool mentions(const net::HttpRequest& request, const std::string& secret) {
  std::string all = request.url + request.body + std::string(request.bearer_token.reveal());
  for (const auto& [name, value] : request.headers.all()) all += value;
  return all.find(secret) != all.npos;
}

/// A token server that answers when it is told to; the registry takes its tokens.
struct Stampede {
  net::ScriptedTransport transport;
  SystemClock clock;
  RegistryOptions options;
  std::optional<RegistryClient> client;
  const ImageReference image = ImageReference::parse("r.example.com/shop/web:1").value();

  void script() {
    transport.when("GET", kRealm).hold().answer([this](const net::HttpRequest&) -> Result<net::HttpResponse> {
      if (status != 200) return response(status);
      return response(200, R"({"token":"t0ken","expires_in":300})");
    });
    transport.when("HEAD", "/v2/").answer([](const net::HttpRequest& request) -> Result<net::HttpResponse> {
      if (request.bearer_token.equals("t0ken"))
        return response(
            200, "", {{"Content-Type", kOciManifestType}, {"Docker-Content-Digest", Digest::of("x").text()}});
      return response(401, "", {{"WWW-Authenticate", std::string("Bearer realm=\"") + kRealm + "\""}});
    });
    client.emplace(transport, clock, options);
  }
  int status = 200;
};

}  // namespace

TEST_CASE("many that need the same token get it by one request") {
  Stampede world;
  world.status = GENERATE(200, 403);
  world.script();
  constexpr std::size_t kThreads = 8;
  std::atomic<int> good = 0, refused = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        const auto digest = world.client->resolve_tag(world.image, {world.clock.monotonic() + 30s, {}});
        if (digest) ++good;
        if (!digest && digest.error().reason == reason::kRegistryUnauthorized) ++refused;
      });
    }
    REQUIRE(world.transport.wait_for_requests(kThreads + 1));
    std::this_thread::sleep_for(100ms);  // until those that were refused wait for the one that asks
    world.transport.release();
  }
  CHECK(world.transport.count("GET", kRealm) == 1);
  CHECK(good == (world.status == 200 ? int(kThreads) : 0));
  CHECK(refused == (world.status == 200 ? 0 : int(kThreads)));
}

TEST_CASE("who waits for another's token keeps to its own deadline and stop") {
  Stampede world;
  world.script();
  std::jthread first(
      [&] { CHECK(world.client->resolve_tag(world.image, {world.clock.monotonic() + 30s, {}})); });
  REQUIRE(world.transport.wait_for_requests(2));
  const auto late = world.client->resolve_tag(world.image, {world.clock.monotonic() + 50ms, {}});
  REQUIRE_FALSE(late);
  CHECK(late.error().reason == reason::kRegistryTimeout);
  std::stop_source stop;
  std::jthread stopper([&] {
    world.transport.wait_for_requests(4);
    stop.request_stop();
  });
  const auto stopped =
      world.client->resolve_tag(world.image, {world.clock.monotonic() + 30s, stop.get_token()});
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().reason == reason::kCancelled);
  world.transport.release();
  first.join();
  CHECK(world.transport.count("GET", kRealm) == 1);
}

TEST_CASE("the end of one caller's patience is not that of those who wait for its token") {
  Stampede world;
  world.script();
  std::stop_source stop;
  std::jthread first([&] {
    const auto stopped =
        world.client->resolve_tag(world.image, {world.clock.monotonic() + 30s, stop.get_token()});
    CHECK(stopped.error().reason == reason::kCancelled);
  });
  REQUIRE(world.transport.wait_for_requests(2));
  std::jthread second(
      [&] { CHECK(world.client->resolve_tag(world.image, {world.clock.monotonic() + 30s, {}})); });
  REQUIRE(world.transport.wait_for_requests(3));
  stop.request_stop();
  first.join();
  REQUIRE(world.transport.wait_for_requests(4));  // the second one asks for itself
  world.transport.release();
  second.join();
  CHECK(world.transport.count("GET", kRealm) == 2);
}

TEST_CASE("tokens are renewed some seconds before they expire, but never before half of their life") {
  const MonotonicTime asked(1000s);
  for (const auto& [life, until] : std::vector<std::pair<std::chrono::seconds, std::chrono::milliseconds>>{
           {1s, 500ms}, {6s, 3s}, {10s, 5s}, {20s, 15s}, {60s, 54s}, {300s, 270s}, {3600s, 3240s}})
    CHECK(renewal_time(asked, life) == asked + until);
}

TEST_CASE("an identity token is exchanged by POST and goes nowhere else") {
  World world;
  world.config(R"({"auths":{"r.example.com":{"auth":")" + base64_encode("user:") +
               R"(","identitytoken":"hunter2/+=&"}}})");
  CHECK(world.resolve());
  REQUIRE(world.registry.requests.size() == 3);
  CHECK(world.registry.requests[1] == std::string("POST ") + kRealm);
  CHECK(world.detail(1).body ==
        "grant_type=refresh_token&service=r%26x&scope=repository%3Ashop%2Fweb%3Apull&client_id=kintsugi&"
        "refresh_token=hunter2%2F%2B%3D%26");
  CHECK(*world.detail(1).headers.find("Content-Type") == "application/x-www-form-urlencoded");
  CHECK(world.detail(1).headers.find("Authorization") == nullptr);
  CHECK_FALSE(mentions(world.detail(0), "hunter2"));
  CHECK_FALSE(mentions(world.detail(2), "hunter2"));
}

TEST_CASE("an identity token is not sent where it must not be, and errors do not repeat it") {
  World world;
  world.config(R"({"auths":{"r.example.com":{"identitytoken":"hunter2"}}})");
  SECTION("a token server without TLS") {
    world.challenge = R"(Bearer realm="http://auth.example.com/")";
  }
  SECTION("a token server on this machine") {
    world.challenge = R"(Bearer realm="https://127.0.0.1/")";
  }
  SECTION("a registry that wants a password") {
    world.challenge = "Basic";
  }
  SECTION("a token server that refuses") {
    world.token_status = GENERATE(400, 401, 404, 405);
  }
  const auto digest = world.resolve();
  REQUIRE_FALSE(digest);
  CHECK(digest.error().code != ErrorCode::kNotFound);
  CHECK(digest.error().to_string().find("hunter2") == std::string::npos);
  for (const net::HttpRequest& request : world.registry.details)
    CHECK((request.url == kRealm || !mentions(request, "hunter2")));
}

TEST_CASE("a registry token is sent as it is, after a challenge of either kind") {
  World world;
  world.challenge = GENERATE("Basic", R"(Bearer realm="https://auth.example.com/token")");
  world.config(R"({"auths":{"r.example.com":{"registrytoken":"as-is","identitytoken":"x"}}})");
  world.accepted = "as-is";
  CHECK(world.resolve());
  CHECK(world.registry.requests.size() == 2);
  world.accepted = "other";
  world.registry.requests.clear();
  CHECK(world.resolve().error().reason == reason::kRegistryUnauthorized);
  CHECK(world.registry.requests.size() == 2);
}

TEST_CASE("helpers are asked only where they are allowed") {
  World world;
  world.config(R"({"auths":{"r.example.com":{}},"credsStore":"desktop"})");
  CHECK(world.resolve());
  CHECK(world.helpers->asked.empty());
  CHECK(world.detail(1).headers.find("Authorization") == nullptr);
}

TEST_CASE("the helper of the registry is asked, else the store, by docker's names") {
  World world;
  world.options.helpers = world.helpers;
  world.helpers->answer = RegistryCredential{RegistryCredential::Kind::kPassword, "user", Secret("hunter2")};
  world.config(
      R"({"credsStore":"desktop","credHelpers":{"https://R.example.com/v2/":"ecr-login","gcr.io":"gcr"}})");
  CHECK(world.resolve());
  CHECK(world.helpers->asked == std::vector<std::string>{"ecr-login r.example.com"});
  CHECK(*world.detail(1).headers.find("Authorization") == "Basic " + base64_encode("user:hunter2"));
  world.config(R"({"credsStore":"desktop","credHelpers":{"gcr.io":"gcr"}})");
  CHECK(world.resolve());
  CHECK(world.helpers->asked.back() == "desktop r.example.com");
  world.image = ImageReference::parse("nginx").value();
  CHECK_FALSE(world.resolve());
  CHECK(world.helpers->asked.back() == "desktop https://index.docker.io/v1/");
}

TEST_CASE("where a helper keeps nothing the file counts, where it fails nobody is asked anonymously") {
  World world;
  world.options.helpers = world.helpers;
  world.config(R"({"auths":{"r.example.com":{"username":"u","password":"p"}},"credsStore":"desktop"})");
  CHECK(world.resolve());
  CHECK(*world.detail(1).headers.find("Authorization") == "Basic " + base64_encode("u:p"));
  world.registry.requests.clear();
  world.helpers->answer =
      fail(make_error(ErrorCode::kUnauthorized, "exit status 1").because(reason::kRegistryUnauthorized));
  CHECK(world.resolve().error().reason == reason::kRegistryUnauthorized);
  CHECK(world.registry.requests.size() == 1);
}
