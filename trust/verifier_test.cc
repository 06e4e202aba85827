// SPDX-License-Identifier: Apache-2.0
#include "trust/verifier.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "trust/reasons.h"
#include "trust/testing/fake_registry.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace std::chrono_literals;
using testing::cosign_payload;
using testing::FakeRegistry;
using testing::public_key_of;
using testing::response;

namespace {

constexpr char kImage[] = "r.example.com/shop/web:1";
constexpr char kRepository[] = "shop/web";

TrustPolicy policy_of(const std::string& name, const std::string& images,
                      const std::vector<std::string>& pems) {
  TrustPolicySpec spec;
  spec.name = name;
  spec.images = {ImageGlob::parse(images).value()};
  for (const std::string& pem : pems) {
    AuthoritySpec authority;
    authority.key.text = pem;
    spec.authorities.push_back(authority);
  }
  return resolve_keys(spec, nullptr);
}

struct World {
  FakeRegistry registry;
  testing::SkippingClock clock;
  RegistryClient client{registry, clock};
  VerdictCache cache{clock};
  Verifier verifier{client, cache, clock};
  SigningKey key;
  Digest digest = registry.put_image(kRepository, "1");
  std::vector<TrustPolicy> policies = {policy_of("release", "r.example.com/shop/**", {key.pem()})};

  Verdict verify(const std::string& image = kImage) {
    return verifier.verify(image, policies, {clock.monotonic() + 60s, {}});
  }
  std::string reason_for(const std::string& image = kImage) { return verify(image).reason; }
  FakeRegistry::Layer layer(const SigningKey& signer, const Digest& image) const {
    const std::string payload = cosign_payload(image);
    return {payload, base64_encode(signer.sign(payload))};
  }
};

/// Answers `path` with `with`, everything else honestly.
void answer(World& world, const std::string& path, net::HttpResponse with) {
  world.registry.intercept = [path, with = std::move(with)](const net::HttpRequest& request) {
    return request.url.find(path) == std::string::npos ? FakeRegistry::Answer() : FakeRegistry::Answer(with);
  };
}

std::string data(const std::string& name) {
  return read_file("trust/testdata/" + name, 1u << 20).value();
}

const Digest kRealIndex =
    Digest::parse("sha256:1da94222354ad979f2d88dbafb5732b2df08eda7abd44bf0a5f6f3aa879f082b").value();

}  // namespace

TEST_CASE("an image signed by a key of its policy is accepted, and the verdict says why") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  const Verdict verdict = world.verify();
  CHECK(verdict.accepted);
  CHECK(verdict.reason == reason::kVerified);
  CHECK(verdict.image == kImage);
  CHECK(verdict.digest == world.digest);
  CHECK(verdict.policy == "release");
  REQUIRE(verdict.proofs.size() == 1);
  CHECK(verdict.proofs.front().key_id == public_key_of(world.key).id());
  CHECK(verdict.proofs.front().docker_reference == "registry.example.com/shop/web");
  CHECK(verdict.checked == world.clock.now());
  CHECK_FALSE(verdict.retryable);
  CHECK(verdict.covers_image_id("docker-pullable://mirror.io/x@" + world.digest.text()));
  CHECK(verdict.covers_image_id(Digest::of("config of layer").text()));
  CHECK_FALSE(verdict.covers_image_id(Digest::of("another").text()));
  CHECK_FALSE(verdict.covers_image_id(""));
  CHECK_FALSE(verdict.covers_image_id(kImage));
}

TEST_CASE("verification takes few requests: tag, signature, payload, image") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  REQUIRE(world.verify().accepted);
  CHECK(world.registry.requests.size() == 4);
  CHECK(world.verify().accepted);
  CHECK(world.registry.requests.size() == 5);  // the tag is resolved anew
  CHECK(world.verify("r.example.com/shop/web@" + world.digest.text()).accepted);
  CHECK(world.registry.requests.size() == 5);
}

TEST_CASE("no policy is a refusal without touching the network") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  CHECK(world.reason_for("other.example.com/shop/web:1") == reason::kNoMatchingPolicy);
  CHECK(world.reason_for("r.example.com/shopping/web:1") == reason::kNoMatchingPolicy);
  CHECK(world.reason_for("nginx") == reason::kNoMatchingPolicy);
  CHECK(world.reason_for("not an image\n") == reason::kImageReferenceInvalid);
  world.policies.clear();
  CHECK(world.reason_for() == reason::kNoMatchingPolicy);
  CHECK(world.registry.requests.empty());
}

TEST_CASE("each way of not being signed has its own reason") {
  World world;
  const SigningKey other;
  const Digest another = world.registry.put_image(kRepository, "2", "another");
  const std::string payload = cosign_payload(world.digest);
  const std::string signature = base64_encode(world.key.sign(payload));

  SECTION("no signature") {
    CHECK(world.reason_for() == reason::kNoSignature);
  }
  SECTION("an empty signature manifest") {
    world.registry.put_signatures(kRepository, world.digest, {});
    CHECK(world.reason_for() == reason::kNoSignature);
  }
  SECTION("another key") {
    world.registry.sign(kRepository, world.digest, other);
    const Verdict verdict = world.verify();
    CHECK(verdict.reason == reason::kKeyMismatch);
    CHECK(verdict.policy == "release");
    CHECK(verdict.digest == world.digest);
    CHECK(verdict.equivalents.empty());
    CHECK(verdict.proofs.empty());
  }
  SECTION("a signature over another digest") {
    world.registry.put_signatures(kRepository, world.digest, {world.layer(world.key, another)});
    CHECK(world.reason_for() == reason::kDigestNotSigned);
  }
  SECTION("an altered payload") {
    world.registry.put_signatures(kRepository, world.digest, {{payload + "\n", signature}});
    CHECK(world.reason_for() == reason::kSignatureInvalid);
  }
  SECTION("payload and signature of different layers") {
    world.registry.put_signatures(kRepository, world.digest, {{payload, base64_encode(world.key.sign("x"))}});
    CHECK(world.reason_for() == reason::kKeyMismatch);
  }
  SECTION("a payload of another type that the key did sign") {
    world.registry.put_signatures(kRepository, world.digest, {{"{}", base64_encode(world.key.sign("{}"))}});
    CHECK(world.reason_for() == reason::kPayloadMalformed);
  }
  SECTION("an attestation where a signature should be") {
    world.registry.put_signatures(kRepository, world.digest,
                                  {{payload, signature, "application/vnd.dsse.envelope.v1+json"}});
    CHECK(world.reason_for() == reason::kUnsupportedLayout);
  }
  SECTION("no signature bytes") {
    world.registry.put_signatures(kRepository, world.digest, {{payload, ""}});
    CHECK(world.reason_for() == reason::kSignatureInvalid);
  }
  SECTION("a payload that the registry replaced") {
    world.registry.sign(kRepository, world.digest, world.key);
    answer(world, "/blobs/", response(200, std::string(payload.size(), ' ')));
    CHECK(world.reason_for() == reason::kDigestMismatch);
  }
  SECTION("a payload that is not there") {
    world.registry.sign(kRepository, world.digest, world.key);
    answer(world, "/blobs/", response(404));
    CHECK(world.reason_for() == reason::kManifestUnknown);
  }
  SECTION("the tag moved to an unsigned image") {
    world.registry.sign(kRepository, world.digest, world.key);
    CHECK(world.verify().accepted);
    world.registry.put_image(kRepository, "1", "evil");
    CHECK(world.reason_for() == reason::kNoSignature);
  }
  SECTION("the registry lies about the digest of the tag") {
    world.registry.sign(kRepository, world.digest, world.key);
    answer(world, "manifests/1", response(200, "", {{"Docker-Content-Digest", another.text()}}));
    CHECK(world.reason_for() == reason::kNoSignature);
  }
  SECTION("the registry sends another manifest than the digest says") {
    world.registry.sign(kRepository, world.digest, world.key);
    answer(world, "manifests/sha256:", response(200, "{}", {{"Content-Type", kOciManifestType}}));
    CHECK(world.reason_for() == reason::kDigestMismatch);
  }
  SECTION("the signature manifest is no manifest") {
    answer(world, ".sig", response(200, "{}", {{"Content-Type", kOciManifestType}}));
    CHECK(world.reason_for() == reason::kManifestMalformed);
    answer(world, ".sig", response(200, "<html>", {{"Content-Type", "text/html"}}));
    world.clock.advance(31s);
    CHECK(world.reason_for() == reason::kMediaTypeMismatch);
  }
  CHECK_FALSE(world.verify().retryable);
}

TEST_CASE("one good signature suffices, wherever it stands among 64") {
  World world;
  const SigningKey other;
  std::vector<FakeRegistry::Layer> layers(63, world.layer(other, world.digest));
  for (std::size_t i = 0; i < layers.size(); i += 3) layers[i] = {"junk", "junk"};
  for (std::size_t i = 1; i < layers.size(); i += 3) layers[i] = {"{}", "", "text/plain"};
  const std::size_t place = GENERATE(0u, 30u, 63u);
  layers.insert(layers.begin() + std::ptrdiff_t(place), world.layer(world.key, world.digest));
  world.registry.put_signatures(kRepository, world.digest, layers);
  CHECK(world.verify().accepted);
  CHECK(world.registry.requests.size() < 8);
}

TEST_CASE("the 65th signature is not read") {
  World world;
  std::vector<FakeRegistry::Layer> layers(64, world.layer(SigningKey(), world.digest));
  layers.push_back(world.layer(world.key, world.digest));
  world.registry.put_signatures(kRepository, world.digest, layers);
  CHECK(world.reason_for() == reason::kTooManySignatures);
}

TEST_CASE("a bundle where no .sig tag is reads as a layout not supported yet") {
  World world;
  const auto bundle = [&](const Digest& subject) {
    return fmt::format(
        R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{}","size":2}},"layers":[{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","digest":"{}","size":9}}],"subject":{{"mediaType":"{}","digest":"{}","size":9}}}})",
        kOciManifestType, Digest::of("{}").text(), Digest::of("bundle").text(), kOciManifestType,
        subject.text());
  };
  const auto refer = [&](const Digest& referrer) {
    // As older tools write it: the descriptor's artifactType is wrong.
    world.registry.put_manifest(
        kRepository,
        fmt::format(
            R"({{"schemaVersion":2,"manifests":[{{"mediaType":"{}","digest":"{}","size":9,"artifactType":"application/vnd.oci.empty.v1+json"}}]}})",
            kOciManifestType, referrer.text()),
        fmt::format("sha256-{}", world.digest.hex()), kOciIndexType);
  };
  SECTION("a bundle") {
    refer(world.registry.put_manifest(kRepository, bundle(world.digest)));
    CHECK(world.reason_for() == reason::kUnsupportedLayout);
  }
  SECTION("a bundle about another image") {
    refer(world.registry.put_manifest(kRepository, bundle(Digest::of("other"))));
    CHECK(world.reason_for() == reason::kNoSignature);
  }
  SECTION("a referrer of another kind") {
    refer(world.registry.put_image(kRepository, "", "sbom"));
    CHECK(world.reason_for() == reason::kNoSignature);
  }
  SECTION("a referrer that is not there") {
    refer(Digest::of("gone"));
    CHECK(world.reason_for() == reason::kNoSignature);
  }
}

TEST_CASE("a registry in trouble is no judgement of the image, and not remembered") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  const std::string where = GENERATE("manifests/1", ".sig", "/blobs/", "manifests/sha256:");
  INFO(where);
  answer(world, where, response(503));
  Verdict verdict = world.verify();
  CHECK_FALSE(verdict.accepted);
  CHECK(verdict.reason == reason::kRegistryUnavailable);
  CHECK(verdict.retryable);
  CHECK(verdict.equivalents.empty());
  answer(world, where, response(401));
  verdict = world.verify();
  CHECK(verdict.reason == reason::kRegistryUnauthorized);
  CHECK(verdict.retryable);
  answer(world, where, response(429, "", {{"Retry-After", "600"}}));
  verdict = world.verify();
  CHECK(verdict.reason == reason::kRegistryRateLimited);
  CHECK(verdict.retry_after == 600s);
  world.registry.intercept = nullptr;
  CHECK(world.verify().accepted);
}

TEST_CASE("a registry that hangs ends at the deadline of the whole verification") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  world.registry.intercept = [&](const net::HttpRequest& request) -> FakeRegistry::Answer {
    // A byte now and then: each answer comes just in time, all of them together do not.
    world.clock.advance(std::min<std::chrono::nanoseconds>(request.timeout, 9s));
    if (request.timeout < 9s) return fail(ErrorCode::kTimeout, "no complete answer");
    return std::nullopt;
  };
  const Verdict verdict = world.verifier.verify(kImage, world.policies, {world.clock.monotonic() + 20s, {}});
  CHECK(verdict.reason == reason::kRegistryTimeout);
  CHECK(verdict.retryable);
  CHECK(world.clock.passed() == 20s);
}

TEST_CASE("every policy that selects the image must be content") {
  World world;
  const SigningKey second;
  world.registry.put_signatures(kRepository, world.digest,
                                {world.layer(world.key, world.digest), world.layer(second, world.digest)});
  world.policies.push_back(policy_of("audit", "**", {second.pem()}));
  Verdict verdict = world.verify();
  CHECK(verdict.accepted);
  CHECK(verdict.policy == "release, audit");
  CHECK(verdict.proofs.size() == 2);
  world.policies.push_back(policy_of("strict", "r.example.com/*/web", {SigningKey().pem()}));
  verdict = world.verify();
  CHECK_FALSE(verdict.accepted);
  CHECK(verdict.policy == "strict");
  CHECK(verdict.reason == reason::kKeyMismatch);
  CHECK(verdict.proofs.empty());
}

TEST_CASE("a policy with a defect refuses what it selects") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  world.policies.push_back(policy_of("broken", "**", {"no key"}));
  CHECK(world.reason_for() == reason::kPolicyInvalid);
  world.policies.back() = policy_of("curve", "**", {SigningKey("secp256k1").pem()});
  CHECK(world.reason_for() == reason::kUnsupportedKey);
}

TEST_CASE("a keyless authority accepts nothing yet, and does not hinder a key beside it") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  TrustPolicySpec spec = world.policies.front().spec;
  AuthoritySpec keyless;
  keyless.kind = AuthoritySpec::Kind::kKeyless;
  spec.authorities.push_back(keyless);
  world.policies = {resolve_keys(spec, nullptr)};
  CHECK(world.verify().accepted);
  spec.authorities.erase(spec.authorities.begin());
  world.policies = {resolve_keys(spec, nullptr)};
  CHECK(world.reason_for() == reason::kUnsupportedAuthority);
}

TEST_CASE("revoked keys and digests do not count, however well signed") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  TrustPolicySpec spec = world.policies.front().spec;
  REQUIRE(world.verify().accepted);
  SECTION("the key") {
    spec.revoked_keys = {public_key_of(world.key).id()};
    world.policies = {resolve_keys(spec, nullptr)};
    CHECK(world.reason_for() == reason::kKeyRevoked);
  }
  SECTION("the image, or what is in it") {
    spec.revoked_digests = {GENERATE_REF(Digest(world.digest), Digest::of("config of layer"))};
    world.policies = {resolve_keys(spec, nullptr)};
    const Verdict verdict = world.verify();
    CHECK(verdict.reason == reason::kDigestRevoked);
    CHECK_FALSE(verdict.accepted);
    CHECK(verdict.equivalents.empty());
  }
}

TEST_CASE("verdicts are remembered: good ones for a day, bad ones for half a minute") {
  World world;
  CHECK(world.reason_for() == reason::kNoSignature);
  world.registry.sign(kRepository, world.digest, world.key);
  CHECK(world.reason_for() == reason::kNoSignature);
  const WallTime checked = world.verify().checked;
  world.clock.advance(30s);
  CHECK(world.verify().accepted);
  CHECK(world.verify().checked > checked);
  world.registry.put_signatures(kRepository, world.digest, {});
  world.clock.advance(23h);
  CHECK(world.verify().accepted);
  world.clock.advance(1h);
  CHECK_FALSE(world.verify().accepted);
}

TEST_CASE("a verdict of one repository is not one of another") {
  World world;
  world.registry.put_image("shop/copy", "1");
  CHECK(world.reason_for("r.example.com/shop/copy:1") == reason::kNoSignature);
  world.registry.sign(kRepository, world.digest, world.key);
  CHECK(world.verify().accepted);
  world.clock.advance(31s);
  CHECK(world.reason_for("r.example.com/shop/copy:1") == reason::kNoSignature);
}

TEST_CASE("the cache is bounded, and drops what was not used longest") {
  testing::SkippingClock clock;
  VerdictCache cache(clock, {.max_entries = 2});
  Verdict verdict;
  verdict.accepted = true;
  cache.put("a", verdict);
  cache.put("b", verdict);
  CHECK(cache.find("a"));
  cache.put("c", verdict);
  CHECK(cache.find("a"));
  CHECK_FALSE(cache.find("b"));
  CHECK(cache.find("c"));
  verdict.accepted = false;
  cache.put("c", verdict);
  CHECK_FALSE(cache.find("c")->accepted);
  verdict.retryable = true;
  cache.put("d", verdict);
  CHECK_FALSE(cache.find("d"));
}

TEST_CASE("signatures by the real cosign verify, and only by their own keys") {
  World world;
  world.registry.load("shop/real", "web");
  const std::string image = "r.example.com/shop/real:1.0";
  const std::string key = GENERATE("cosign.pub", "other.pub");
  world.policies = {policy_of("release", "**", {data(key)})};
  const Verdict verdict = world.verify(image);
  REQUIRE(verdict.accepted);
  CHECK(verdict.digest == kRealIndex);
  CHECK(verdict.proofs.front().docker_reference == "127.0.0.1:15917/shop/web");
  CHECK(verdict.equivalents.size() == 5);  // the index, two platforms, their configs
  CHECK(verdict.covers_image_id("sha256:c7e1b2fff3cd2acb664b7a5cfb4fd30a55d9b484aafe9341841ca4ad5c709f1d"));
  world.policies = {policy_of("release", "**", {world.key.pem()})};
  CHECK(world.reason_for(image) == reason::kKeyMismatch);
}

TEST_CASE("signatures by the real cosign with other kinds of keys verify") {
  World world;
  world.registry.load("shop/keys", "keys");
  const std::string image =
      "r.example.com/shop/keys@sha256:7b1742aec45bab3c019a9c6c6e6d6f4fd98a5fba62f16897a67354613f7cdf9a";
  SECTION("ECDSA and RSA") {
    const std::string key = GENERATE("p384.pub", "p521.pub", "rsa3072.pub");
    INFO(key);
    world.policies = {policy_of("release", "**", {data(key)})};
    CHECK(world.verify(image).accepted);
  }
  SECTION("but for Ed25519, with which it signs as OpenSSL cannot verify") {
    world.policies = {policy_of("release", "**", {data("ed25519.pub")})};
    const Verdict verdict = world.verify(image);
    CHECK(verdict.reason == reason::kKeyMismatch);
    CHECK_THAT(verdict.message, Catch::Contains("Ed25519ph"));
  }
}

TEST_CASE("a platform's manifest is not signed by a signature over its index") {
  World world;
  world.registry.load("shop/real", "web");
  world.policies = {policy_of("release", "**", {data("cosign.pub")})};
  const std::string platform = "sha256:c7e1b2fff3cd2acb664b7a5cfb4fd30a55d9b484aafe9341841ca4ad5c709f1d";
  CHECK(world.reason_for("r.example.com/shop/real@" + platform) == reason::kNoSignature);
}

TEST_CASE("the real cosign's bundle layout is refused by name") {
  World world;
  world.registry.load("shop/real", "bundle");
  world.policies = {policy_of("release", "**", {data("cosign.pub")})};
  const Verdict verdict = world.verify("r.example.com/shop/real:1.0");
  CHECK(verdict.reason == reason::kUnsupportedLayout);
  CHECK_FALSE(verdict.retryable);
}
