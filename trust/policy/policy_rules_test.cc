// SPDX-License-Identifier: Apache-2.0
//
// What a policy can ask for beyond a good signature by somebody it knows.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/time.h"
#include "trust/crypto/reasons.h"
#include "trust/policy/verifier_world.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;
using namespace std::chrono_literals;

namespace {

constexpr char kSubject[] = "https://ci.example.com/shop/.github/workflows/release.yml@refs/heads/main";
constexpr char kIssuer[] = "https://issuer.example.com";

/// Changes the first policy of a world.
template <class Change>
void change_policy(World& world, const Change& change) {
  TrustPolicySpec spec = world.policies.front().spec;
  change(spec);
  world.policies.front() = resolve_references(spec, nullptr);
}

FakeRegistry::Layer layer_of(const SigningKey& key, const std::string& payload) {
  return {payload, base64_encode(key.sign(payload))};
}

/// cosign's payload with annotations.
std::string annotated_payload(const Digest& image, const std::string& annotations) {
  std::string payload = cosign_payload(image);
  const std::string none = R"("optional":null)";
  return payload.replace(payload.find(none), none.size(), R"("optional":)" + annotations);
}

}  // namespace

TEST_CASE("where all authorities are needed, each has to sign") {
  World world;
  const SigningKey second;
  world.policies = {policy_of("release", "**", {world.key.pem(), second.pem()})};
  change_policy(world, [](TrustPolicySpec& spec) {
    spec.quorum = TrustPolicySpec::Quorum::kAll;
    spec.authorities[0].name = "build";
    spec.authorities[1].name = "review";
  });
  SECTION("both signed") {
    world.registry.put_signatures(kRepository, world.digest,
                                  {world.layer(second, world.digest), world.layer(world.key, world.digest)});
    const Verdict verdict = world.verify();
    REQUIRE(verdict.accepted);
    REQUIRE(verdict.proofs.size() == 2);
    CHECK(verdict.proofs[0].authority == "build");
    CHECK(verdict.proofs[0].key_id == public_key_of(world.key).id());
    CHECK(verdict.proofs[1].authority == "review");
    CHECK(verdict.proofs[1].key_id == public_key_of(second).id());
  }
  SECTION("one signed twice") {
    world.registry.put_signatures(
        kRepository, world.digest,
        {world.layer(world.key, world.digest), world.layer(world.key, world.digest)});
    const Verdict verdict = world.verify();
    CHECK(verdict.reason == reason::kKeyMismatch);
    CHECK_THAT(verdict.message, Catch::Contains("not signed by review"));
    CHECK(verdict.proofs.empty());
  }
  SECTION("one of them signed another image") {
    const Digest another = world.registry.put_image(kRepository, "2", "another");
    world.registry.put_signatures(kRepository, world.digest,
                                  {world.layer(world.key, world.digest), world.layer(second, another)});
    CHECK(world.reason_for() == reason::kDigestNotSigned);
  }
  SECTION("one of them is revoked") {
    world.registry.put_signatures(kRepository, world.digest,
                                  {world.layer(world.key, world.digest), world.layer(second, world.digest)});
    change_policy(world, [&](TrustPolicySpec& spec) { spec.revoked.keys = {public_key_of(second).id()}; });
    CHECK(world.reason_for() == reason::kKeyRevoked);
  }
}

TEST_CASE("annotations that an authority wants have to be signed") {
  World world;
  change_policy(world, [](TrustPolicySpec& spec) {
    spec.authorities.front().annotations = {{"stage", "release"}, {"team", "shop"}};
  });
  const auto reason_with = [&](const std::string& annotations) {
    world.registry.put_signatures(kRepository, world.digest,
                                  {layer_of(world.key, annotated_payload(world.digest, annotations))});
    world.clock.advance(31s);  // refusals are remembered
    return world.reason_for();
  };
  for (const char* other : {"null", "{}", R"({"stage":"release"})", R"({"stage":"release","team":"Shop"})",
                            R"({"stage":"release","Team":"shop"})", R"({"stage":"release","team":""})",
                            R"({"stage":"release","team":["shop"]})", R"({"stage":"release","team":1})"}) {
    INFO(other);
    const std::string why = reason_with(other);
    CHECK((why == reason::kAnnotationMismatch || why == reason::kPayloadMalformed));
  }
  CHECK(reason_with(R"({"stage":"release","team":"shop","more":"is fine"})") == reason::kVerified);
}

TEST_CASE("a signature without a wanted annotation harms no other") {
  World world;
  change_policy(world,
                [](TrustPolicySpec& spec) { spec.authorities.front().annotations = {{"stage", "release"}}; });
  world.registry.put_signatures(
      kRepository, world.digest,
      {world.layer(world.key, world.digest),
       layer_of(world.key, annotated_payload(world.digest, R"({"stage":"release"})"))});
  CHECK(world.verify().accepted);
}

TEST_CASE("a policy that binds the signed name refuses signatures under another one") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  change_policy(world, [](TrustPolicySpec& spec) { spec.signed_reference.emplace(); });
  const Verdict verdict = world.verify();
  CHECK(verdict.reason == reason::kReferenceMismatch);
  CHECK_THAT(verdict.message,
             Catch::Contains("signed as registry.example.com/shop/web, and not as r.example.com/shop/web"));
  change_policy(world, [](TrustPolicySpec& spec) {
    spec.signed_reference = SignedReferenceRule{{{"r.example.com", "registry.example.com"}}};
  });
  CHECK(world.verify().accepted);
}

TEST_CASE("a bundle holds no name, and does not count where one is bound") {
  World world;
  world.registry.put_bundle(kRepository, world.digest,
                            keyed_bundle(world.key, cosign_statement(world.digest)));
  CHECK(world.verify().accepted);
  change_policy(world, [](TrustPolicySpec& spec) { spec.signed_reference.emplace(); });
  CHECK(world.reason_for() == reason::kReferenceMismatch);
}

TEST_CASE("a policy may look for signatures in another repository, and then there alone") {
  World world;
  world.registry.sign("sigs/web", world.digest, world.key);
  CHECK(world.reason_for() == reason::kNoSignature);
  change_policy(world, [](TrustPolicySpec& spec) {
    spec.signature_repository = ImageReference::parse("s.example.com/sigs/web").value();
  });
  CHECK(world.verify().accepted);
  CHECK(
      std::any_of(world.registry.requests.begin(), world.registry.requests.end(), [](const std::string& one) {
        return one.find("https://s.example.com/v2/sigs/web/manifests/sha256-") != std::string::npos;
      }));
  SECTION("another policy looks beside the image") {
    world.policies.push_back(policy_of("beside", "**", {world.key.pem()}));
    CHECK(world.reason_for() == reason::kNoSignature);
    world.registry.sign(kRepository, world.digest, world.key);
    world.clock.advance(31s);
    CHECK(world.verify().accepted);
  }
  SECTION("signatures beside the image do not count") {
    change_policy(world, [](TrustPolicySpec& spec) {
      spec.signature_repository = ImageReference::parse("s.example.com/sigs/none").value();
    });
    world.registry.sign(kRepository, world.digest, world.key);
    CHECK(world.reason_for() == reason::kNoSignature);
  }
}

TEST_CASE("a revoked identity does not count, or only with what it provably signed before") {
  World world;
  world.registry.load("shop/it", "images/keyless/uri");
  world.policies = {keyless_policy(kSubject, kIssuer)};
  const Verdict before = world.verify(kTestImage);
  REQUIRE(before.accepted);
  const WallTime signed_at = before.proofs.front().times.front();
  struct Case {
    RevokedIdentity revoked;
    const char* expected;
  };
  const auto issuer = TextRule::exactly(kIssuer);
  const auto subject = TextRule::exactly(kSubject);
  const Case cases[] = {
      {{std::nullopt, subject, std::nullopt}, reason::kIdentityRevoked},
      {{issuer, subject, std::nullopt}, reason::kIdentityRevoked},
      {{issuer, TextRule::matching("https://ci\\.example\\.com/.*").value(), std::nullopt},
       reason::kIdentityRevoked},
      {{issuer, subject, signed_at - 1s}, reason::kIdentityRevoked},
      {{issuer, subject, signed_at}, reason::kVerified},
      {{issuer, subject, signed_at + 1s}, reason::kVerified},
      {{TextRule::exactly("https://other.example.com"), subject, std::nullopt}, reason::kVerified},
      {{issuer, TextRule::exactly("https://ci.example.com"), std::nullopt}, reason::kVerified}};
  for (const Case& c : cases) {
    INFO(c.revoked.subject.to_string() << (c.revoked.since ? format_seconds(*c.revoked.since) : ""));
    change_policy(world, [&](TrustPolicySpec& spec) { spec.revoked.identities = {c.revoked}; });
    CHECK(world.reason_for(kTestImage) == c.expected);
  }
}

TEST_CASE("signatures after a given time are void, and so are those of an unknown time") {
  World world;
  world.registry.load("shop/it", "images/keyless/uri");
  world.registry.sign(kRepository, world.digest, world.key);
  const TrustPolicy keyed = world.policies.front();
  world.policies = {keyless_policy(kSubject, kIssuer)};
  const WallTime signed_at = world.verify(kTestImage).proofs.front().times.front();
  const auto void_after = [&](WallTime time) {
    change_policy(world, [&](TrustPolicySpec& spec) { spec.revoked.signed_after = time; });
  };
  void_after(signed_at - 1s);
  CHECK(world.reason_for(kTestImage) == reason::kSignedAfterRevocation);
  void_after(signed_at);
  CHECK(world.reason_for(kTestImage) == reason::kVerified);
  world.policies = {keyed};
  void_after(world.clock.now() + std::chrono::hours(1));
  CHECK(world.reason_for() == reason::kSignedAfterRevocation);
}

TEST_CASE("a policy in mode warn refuses nothing, accepts nothing, and tells what it would refuse") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  world.policies.push_back(policy_of("trial", "**", {SigningKey().pem()}));
  world.policies.back().spec.mode = TrustPolicySpec::Mode::kWarn;
  const Verdict verdict = world.verify();
  REQUIRE(verdict.accepted);
  CHECK(verdict.policy == "release");
  CHECK(verdict.proofs.size() == 1);
  REQUIRE(verdict.warnings.size() == 1);
  CHECK_THAT(verdict.warnings.front(), Catch::Contains("policy trial would refuse it: KeyMismatch"));
  world.policies.erase(world.policies.begin());
  CHECK(world.reason_for() == reason::kNoMatchingPolicy);
  world.policies = {policy_of("trial", "**", {world.key.pem()})};
  world.policies.back().spec.mode = TrustPolicySpec::Mode::kWarn;
  CHECK(world.reason_for() == reason::kNoMatchingPolicy);
}

TEST_CASE("a revoked digest is but a warning of a policy in mode warn") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  world.policies.push_back(policy_of("trial", "**", {world.key.pem()}));
  world.policies.back().spec.mode = TrustPolicySpec::Mode::kWarn;
  world.policies.back().spec.revoked.digests = {world.digest};
  const Verdict verdict = world.verify();
  CHECK(verdict.accepted);
  REQUIRE(verdict.warnings.size() == 1);
  CHECK_THAT(verdict.warnings.front(), Catch::Contains(reason::kDigestRevoked));
}

TEST_CASE("a pinned tag means its digest, wherever the registry's tag points to") {
  World world;
  const Digest moved = world.registry.put_image(kRepository, "1", "moved");
  world.registry.sign(kRepository, world.digest, world.key);
  world.registry.sign(kRepository, moved, world.key);
  REQUIRE(world.verify().digest == moved);
  const auto pin = [&](const char* image, const Digest& digest) {
    change_policy(world, [&](TrustPolicySpec& spec) {
      spec.pinned_digests = {{ImageReference::parse(image).value(), digest}};
    });
  };
  pin(kImage, world.digest);
  const Verdict verdict = world.verify();
  CHECK(verdict.digest == world.digest);
  CHECK(verdict.reason == reason::kPinned);
  CHECK(verdict.message == "pinned by release");
  CHECK(verdict.covers_image_id(Digest::of("config of layer").text()));
  CHECK(world.verify("r.example.com/shop/web:2@" + moved.text()).reason == reason::kVerified);
  pin("r.example.com/shop/web:2", world.digest);
  CHECK(world.verify().digest == moved);
  pin("r.example.com/shop/db:1", world.digest);
  CHECK(world.verify().digest == moved);
}

TEST_CASE("a pinned digest needs neither signature nor registry, but nobody may revoke it") {
  World world;
  change_policy(world, [&](TrustPolicySpec& spec) {
    spec.pinned_digests = {{ImageReference::parse(kImage).value(), world.digest}};
  });
  SECTION("unsigned") {
    const Verdict verdict = world.verify();
    REQUIRE(verdict.accepted);
    REQUIRE(verdict.proofs.size() == 1);
    CHECK(verdict.proofs.front().authority == "pinnedDigests");
    CHECK(verdict.proofs.front().signer().empty());
    CHECK(world.verify("r.example.com/shop/web@" + world.digest.text()).accepted);
  }
  SECTION("unsigned elsewhere") {
    CHECK(world.registry.put_image("shop/db", "1") == world.digest);
    CHECK(world.reason_for("r.example.com/shop/db@" + world.digest.text()) == reason::kNoSignature);
  }
  SECTION("the registry is away") {
    world.registry.intercept = [](const net::HttpRequest&) -> FakeRegistry::Answer {
      return Result<net::HttpResponse>(fail(make_error(ErrorCode::kUnavailable, "away")));
    };
    const Verdict verdict = world.verify();
    REQUIRE(verdict.accepted);
    CHECK(verdict.digest == world.digest);
    CHECK(verdict.equivalents == std::set<Digest>{world.digest});
  }
  SECTION("another policy wants a signature") {
    world.policies.push_back(policy_of("signed", "**", {world.key.pem()}));
    CHECK(world.reason_for() == reason::kNoSignature);
    world.clock.advance(31s);
    world.registry.sign(kRepository, world.digest, world.key);
    const Verdict verdict = world.verify();
    CHECK(verdict.reason == reason::kVerified);
    CHECK(verdict.proofs.size() == 2);
  }
  SECTION("revoked") {
    world.policies.push_back(world.policies.front());
    world.policies.back().spec.pinned_digests.clear();
    world.policies.back().spec.revoked.digests = {world.digest};
    CHECK(world.reason_for() == reason::kDigestRevoked);
  }
  SECTION("a platform of it revoked") {
    change_policy(world,
                  [&](TrustPolicySpec& spec) { spec.revoked.digests = {Digest::of("config of layer")}; });
    CHECK(world.reason_for() == reason::kDigestRevoked);
  }
}

namespace {

/// An image with a configuration, signed; its digest.
Digest put_made(World& world, const std::string& tag, const std::string& created,
                const std::string& version = {}) {
  const std::string config =
      fmt::format(R"({{"created":"{}","config":{{"Labels":{{"org.opencontainers.image.version":"{}"}}}}}})",
                  created, version);
  const Digest digest = world.registry.put_blob(kRepository, config);
  const Digest platform = world.registry.put_manifest(
      kRepository,
      fmt::format(
          R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[]}})",
          kOciManifestType, digest.text(), config.size()));
  const Digest index = world.registry.put_manifest(
      kRepository,
      fmt::format(
          R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{}","size":{},"platform":{{"os":"linux","architecture":"amd64"}}}}]}})",
          kOciIndexType, kOciManifestType, platform.text(),
          world.client
              .get_manifest(ImageReference::parse(kImage).value(), platform,
                            {world.clock.monotonic() + 60s, {}})
              ->bytes.size()),
      tag, kOciIndexType);
  world.registry.sign(kRepository, index, world.key);
  return index;
}

}  // namespace

TEST_CASE("a well-signed image of yesterday does not take the place of today's where the policy minds") {
  World world;
  const Digest older = put_made(world, "older", "2026-11-01T00:00:00Z", "1.2.0");
  const Digest newer = put_made(world, "newer", "2026-11-10T00:00:00Z", "1.3.0");
  const auto reason_after = [&](const char* tag, const Predecessor& predecessor) {
    world.clock.advance(31s);
    return world.verifier
        .verify(std::string("r.example.com/shop/web:") + tag, world.policies,
                {world.clock.monotonic() + 60s, {}}, &predecessor)
        .reason;
  };
  CHECK(reason_after("older", {newer}) == reason::kVerified);
  change_policy(world, [](TrustPolicySpec& spec) {
    spec.freshness.emplace();
    spec.freshness->not_older_than_running = true;
  });
  CHECK(reason_after("older", {newer}) == reason::kOlderThanRunning);
  CHECK(reason_after("newer", {older}) == reason::kVerified);
  CHECK(reason_after("older", {older}) == reason::kVerified);
  CHECK(reason_after("newer", {std::nullopt}) == reason::kAgeUnknown);
  CHECK(reason_after("newer", {Digest::of("not there any more")}) == reason::kAgeUnknown);
  CHECK(world.reason_for("r.example.com/shop/web:older") == reason::kVerified);
}

TEST_CASE("an image says how old it is, or is refused where that matters") {
  World world;
  put_made(world, "made", "2026-11-01T00:00:00Z", "1.2.0");
  change_policy(world, [](TrustPolicySpec& spec) {
    spec.freshness.emplace();
    spec.freshness->minimum_version = "1.3.0";
  });
  CHECK(world.reason_for("r.example.com/shop/web:made") == reason::kVersionTooLow);
  change_policy(world, [](TrustPolicySpec& spec) { spec.freshness->minimum_version = "1.2.0"; });
  CHECK(world.reason_for("r.example.com/shop/web:made") == reason::kVerified);
  put_made(world, "unversioned", "2026-11-01T00:00:00Z");
  CHECK(world.reason_for("r.example.com/shop/web:unversioned") == reason::kAgeUnknown);
  world.registry.sign(kRepository, world.digest, world.key);
  CHECK(world.reason_for() == reason::kManifestUnknown);  // its configuration is not there
}
