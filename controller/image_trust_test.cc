// SPDX-License-Identifier: Apache-2.0
#include "controller/image_trust.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/json_text.h"
#include "controller/playbook_book.h"
#include "controller/redeploy_decisions.h"
#include "k8s-client/client/test_world.h"
#include "metrics/exposition.h"
#include "trust/policy/verifier.h"
#include "trust/testing/fake_registry.h"

namespace kintsugi::controller {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr const char* kRepository = "shop/web";
constexpr const char* kImage = "r.example.com/shop/web:1";

trust::TrustPolicy policy_of(const std::string& name, const std::string& images, const SigningKey& key) {
  trust::TrustPolicySpec spec;
  spec.name = name;
  spec.images = {trust::ImageGlob::parse(images).value()};
  trust::AuthoritySpec authority;
  authority.key.text = key.pem();
  spec.authorities.push_back(authority);
  return trust::resolve_references(spec, nullptr);
}

Playbook playbook_with(const std::string& name, RedeployStep step) {
  Playbook playbook;
  playbook.name = name;
  playbook.steps.push_back({std::move(step), false});
  return playbook;
}

/// An image signed by one key, and a server that keeps one ConfigMap.
struct Fixture {
  Fixture() {
    registry.sign(kRepository, digest, key);
    world.transport.serve([this](const net::HttpRequest& request) { return serve(request); });
    deployment.meta.name_space = "shop";
    deployment.meta.name = "web";
    deployment.meta.uid = "d-1";
    targets::Container container;
    container.name = "web";
    container.image = kImage;
    deployment.containers.push_back(container);
    set_policies({policy_of("release", "r.example.com/shop/**", key)});
  }

  Result<net::HttpResponse> serve(const net::HttpRequest& request) {
    if (is_down) return k8s::answer(500, k8s::failure(500, "InternalError"));
    if (request.method == "GET") {
      if (stored.is_null()) return k8s::answer(404, k8s::failure(404, "NotFound"));
      return k8s::answer(200, json_text(stored));
    }
    ++writes;
    if (request.method == "POST") stored = parse_json(request.body).value();
    return stored.is_null() ? k8s::answer(404, k8s::failure(404, "NotFound"))
                            : k8s::answer(200, json_text(stored));
  }

  void set_policies(std::vector<trust::TrustPolicy> policies) { book.set_policies(std::move(policies)); }
  ImageAnswer decide(const std::string& policy, bool suspect = false, const std::string& running = "") {
    return image_trust.decide({"web", kImage, running}, policy, suspect, "d-1", {});
  }
  ImageAnswer prepare() {
    return image_trust
        .prepare({deployment.meta.uid, {}, deployment.containers}, {}, [this] { return leads; }, {})
        .front();
  }

  trust::testing::FakeRegistry registry;
  trust::testing::SkippingClock clock;
  trust::RegistryClient client{registry, clock};
  trust::VerdictCache cache{clock};
  trust::Verifier verifier{client, cache, clock};
  SigningKey key, other_key;
  trust::Digest digest = registry.put_image(kRepository, "1");
  k8s::TestWorld world;
  k8s::Client api = world.client();
  PlaybookBook book;
  metrics::Registry metrics{{}};
  ImageTrust image_trust{verifier, book, api, "kintsugi-system", metrics, clock};
  targets::Deployment deployment;
  json stored;
  bool is_down = false;
  bool leads = true;
  int writes = 0;
};

}  // namespace

TEST_CASE("answers wait until they are taken, or the incident is gone") {
  Fixture fixture;
  fixture.image_trust.keep_answers("inc-a", {ImageAnswer()});
  fixture.image_trust.keep_answers("inc-b", {ImageAnswer()});
  fixture.image_trust.forget_answers("inc-a");
  fixture.image_trust.forget_answers("inc-none");
  CHECK_FALSE(fixture.image_trust.take_answers("inc-a"));
  CHECK(fixture.image_trust.take_answers("inc-b"));
  CHECK_FALSE(fixture.image_trust.take_answers("inc-b"));
}

TEST_CASE("a suspect image is never used again, nor any where it is not known") {
  Fixture fixture;
  const std::string running = "r.example.com/shop/web@" + fixture.digest.text();
  CHECK(fixture.decide("", false, running).image);
  CHECK(fixture.decide("", false, "").image);
  for (const std::string& image_id : {running, std::string(), std::string("sha256-of-nothing")}) {
    INFO(image_id);
    const ImageAnswer answer = fixture.decide("", true, image_id);
    CHECK_FALSE(answer.image);
    CHECK(answer.reason == "SuspectImage");
    CHECK_FALSE(answer.retryable);
    CHECK(answer.message.find(kImage) != std::string::npos);
  }
  const std::string another = "r.example.com/shop/web@sha256:" + std::string(64, 'a');
  CHECK(fixture.decide("", true, another).image);
}

TEST_CASE("what a tag names now comes before what ran only where it was rolled out since") {
  Fixture fixture;
  const trust::Digest rolled = fixture.registry.put_image(kRepository, "2", "rolled");
  const std::string running = "r.example.com/shop/web@" + fixture.digest.text();
  const auto decide = [&](const char* image, bool was_rolled) {
    return fixture.image_trust.decide({"web", image, running, was_rolled}, "", false, "d-1", {});
  };
  const char* const by_tag = "r.example.com/shop/web:2";
  // Not signed: it never runs, and what ran is not silently put in its place.
  CHECK(decide(by_tag, false).image->origin == kRunning);
  CHECK_FALSE(decide(by_tag, true).image);
  CHECK(decide(by_tag, true).reason == "NoSignature");
  REQUIRE(fixture.prepare().image);  // "1", by day
  CHECK(decide(by_tag, true).image->origin == "LastKnownGood");

  fixture.registry.sign(kRepository, rolled, fixture.key);
  fixture.clock.advance(1h);
  CHECK(decide(by_tag, false).image->digest == fixture.digest.text());
  CHECK(decide(by_tag, true).image->digest == rolled.text());
  CHECK(decide(by_tag, true).image->origin == kRollout);
}

TEST_CASE(
    "a template was rolled out anew where its image has another name behind the registry and the path") {
  struct Case {
    const char *running, *of_template;
    bool was_rolled;
  };
  const Case cases[] = {
      {"r/shop/web:1", "r/shop/web:1", false},
      {"r/shop/web:1", "r/shop/web:2", true},
      {"r/shop/web", "r/shop/web:2", true},
      {"r/shop/web:1", "r/shop/api:1", true},
      {"r/shop/web:1", "r/shop/web@sha256:aa", true},
      {"mirror:5000/r/shop/web:1", "r/shop/web:1", false},  // as admission may rewrite it
      {"r/shop/web@sha256:aa", "r/shop/web:2", false},
      {"", "r/shop/web:2", false},
  };
  for (const Case& each : cases) {
    INFO(each.running << " " << each.of_template);
    std::vector<ImageQuestion> questions{{"web", each.of_template}, {"other", "r/shop/web:9"}};
    add_running(questions, {{"web", each.running, "r@sha256:bb"}, {"gone", "r/x:1", ""}});
    CHECK(questions[0].was_rolled == each.was_rolled);
    CHECK(questions[0].running_image_id == "r@sha256:bb");
    CHECK_FALSE(questions[1].was_rolled);
    CHECK(questions[1].running_image_id.empty());
  }
}

TEST_CASE("a policy in mode warn decides nothing, and what it would refuse is told") {
  Fixture fixture;
  const auto release = policy_of("release", "r.example.com/shop/**", fixture.key);
  auto trial = policy_of("trial", "**", fixture.other_key);
  trial.spec.mode = trust::TrustPolicySpec::Mode::kWarn;
  fixture.set_policies({release, trial});
  const ImageAnswer answer = fixture.decide("");
  CHECK(answer.image);
  CHECK(answer.message.find("policy trial would refuse it: KeyMismatch") != std::string::npos);
  const std::string counted = metrics::expose(fixture.metrics, std::nullopt, {}, fixture.clock.now());
  CHECK_THAT(counted, Catch::Contains("kintsugi_image_verifications_total{result=\"warned\"} 1") &&
                          Catch::Contains("kintsugi_image_verifications_total{result=\"accepted\"} 0"));
  const ImageAnswer demanded = fixture.decide("trial");
  CHECK_FALSE(demanded.image);
  CHECK(demanded.message.find("in mode warn") != std::string::npos);
}

TEST_CASE("what ran is what an image is compared with in age, where the policy minds") {
  Fixture fixture;
  auto release = policy_of("release", "r.example.com/shop/**", fixture.key);
  release.spec.freshness.emplace();
  release.spec.freshness->not_older_than_running = true;
  fixture.set_policies({trust::resolve_references(release.spec, nullptr)});
  const std::string config = R"({"created":"2026-11-01T00:00:00Z"})";
  const trust::Digest made = fixture.registry.put_blob(kRepository, config);
  const trust::Digest image = fixture.registry.put_manifest(
      kRepository,
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":)"
      R"("application/vnd.oci.image.config.v1+json","digest":")" +
          made.text() + R"(","size":)" + std::to_string(config.size()) + R"(},"layers":[]})",
      "1");
  fixture.registry.sign(kRepository, image, fixture.key);
  CHECK(fixture.decide("", false, "r.example.com/shop/web@" + image.text()).image);
  CHECK(fixture.prepare().image);
  for (const std::string& running : {std::string(), "r.example.com/shop/web@" + fixture.digest.text()}) {
    const ImageAnswer answer = fixture.decide("", false, running);
    CHECK_FALSE(answer.image);
    CHECK(answer.reason == "AgeUnknown");
  }
}

TEST_CASE("the policy that a playbook names is demanded beside all that select the image") {
  Fixture fixture;
  const auto release = policy_of("release", "r.example.com/shop/**", fixture.key);
  const auto strict = policy_of("strict", "r.example.com/shop/web", fixture.other_key);
  const auto elsewhere = policy_of("elsewhere", "r.example.com/other/**", fixture.key);
  struct Case {
    std::string name, demanded, reason;
    bool accepted;
    std::vector<trust::TrustPolicy> policies;
  };
  const Case cases[] = {
      {"it selects and accepts", "release", "Verified", true, {release, elsewhere}},
      {"another that selects does not accept", "release", "KeyMismatch", false, {release, strict}},
      {"it selects and does not accept", "strict", "KeyMismatch", false, {release, strict}},
      {"it does not select", "elsewhere", "NoMatchingPolicy", false, {release, elsewhere}},
      {"there is none of that name", "missing", "NoMatchingPolicy", false, {release}},
      {"none is demanded", "", "KeyMismatch", false, {release, strict}},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    fixture.set_policies(c.policies);
    const ImageAnswer answer = fixture.decide(c.demanded);
    CHECK(answer.image.has_value() == c.accepted);
    CHECK(answer.reason == c.reason);
    if (!c.accepted && !c.demanded.empty() && c.reason == "NoMatchingPolicy")
      CHECK(answer.message.find("policy " + c.demanded) != std::string::npos);
  }
}

TEST_CASE("by day the rule is that of the playbooks which take the workload's pods") {
  Fixture fixture;
  fixture.set_policies({policy_of("release", "r.example.com/shop/**", fixture.key),
                        policy_of("elsewhere", "r.example.com/other/**", fixture.key)});
  RedeployStep step;
  step.trust_policy = "elsewhere";
  Playbook demanding = playbook_with("demanding", step);
  CHECK(fixture.prepare().image);
  fixture.book.set_playbooks({playbook_with("any", {})});
  CHECK(fixture.prepare().image);
  fixture.book.set_playbooks({playbook_with("any", {}), demanding});
  CHECK_FALSE(fixture.prepare().image);
  CHECK(fixture.prepare().reason == "NoMatchingPolicy");
  demanding.pod_selector.match_labels["app"] = "other";
  fixture.book.set_playbooks({playbook_with("any", {}), demanding});
  CHECK(fixture.prepare().image);
}

TEST_CASE("a registry's wish to be left alone is handed on") {
  Fixture fixture;
  fixture.registry.intercept = [](const net::HttpRequest&) {
    return trust::testing::FakeRegistry::Answer(trust::testing::response(429, "", {{"Retry-After", "120"}}));
  };
  const ImageAnswer answer = fixture.decide("");
  CHECK_FALSE(answer.image);
  CHECK(answer.retryable);
  CHECK(answer.reason == "RegistryRateLimited");
  CHECK(answer.retry_after == 120s);
}

TEST_CASE("what could not be written down is not remembered, and written the next time") {
  Fixture fixture;
  fixture.is_down = true;
  CHECK(fixture.prepare().message.find("not remembered") != std::string::npos);
  CHECK(fixture.writes == 0);
  fixture.is_down = false;
  CHECK(fixture.prepare().message.find("not remembered") == std::string::npos);
  REQUIRE(fixture.writes > 0);
  CHECK(fixture.stored["data"].contains("d-1"));
  const int writes = fixture.writes;
  (void)fixture.prepare();
  CHECK(fixture.writes == writes);
}

TEST_CASE("who does not lead any more writes nothing down") {
  Fixture fixture;
  fixture.leads = false;
  CHECK(fixture.prepare().message.find("another replica leads") != std::string::npos);
  CHECK(fixture.writes == 0);
}

TEST_CASE("the last known good is read again at each start of leadership") {
  Fixture fixture;
  (void)fixture.prepare();
  const json first = fixture.stored;
  const auto remembered = [&] { return fixture.decide("").image; };
  fixture.registry.put_image(kRepository, "1", "unsigned, under the same tag");
  REQUIRE(remembered());
  CHECK(remembered()->origin == "LastKnownGood");
  CHECK(remembered()->digest == fixture.digest.text());

  fixture.stored["data"].erase("d-1");  // as another leader left it
  REQUIRE(fixture.image_trust.load_known_good());
  CHECK_FALSE(remembered());
  fixture.stored = first;
  fixture.is_down = true;
  CHECK_FALSE(fixture.image_trust.load_known_good());
  CHECK_FALSE(remembered());
  fixture.is_down = false;
  REQUIRE(fixture.image_trust.load_known_good());
  CHECK(remembered());
}

}  // namespace kintsugi::controller
