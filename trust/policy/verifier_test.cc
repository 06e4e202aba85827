// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/verifier.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/fake_registry.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace std::chrono_literals;
using testing::cosign_payload;
using testing::cosign_statement;
using testing::FakeRegistry;
using testing::keyed_bundle;
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
  return resolve_references(spec, nullptr);
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

TEST_CASE("verification takes few requests: tag, signatures, referrers and their tag, payload, image") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  REQUIRE(world.verify().accepted);
  CHECK(world.registry.requests.size() == 6);
  CHECK(world.verify().accepted);
  CHECK(world.registry.requests.size() == 7);  // the tag is resolved anew
  CHECK(world.verify("r.example.com/shop/web@" + world.digest.text()).accepted);
  CHECK(world.registry.requests.size() == 7);
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

TEST_CASE("a bundle that refers to the image is a signature of it") {
  World world;
  const std::string bundle = keyed_bundle(world.key, cosign_statement(world.digest));
  const std::string other = keyed_bundle(SigningKey(), cosign_statement(world.digest));
  SECTION("alone") {
    world.registry.put_bundle(kRepository, world.digest, bundle);
    CHECK(world.verify().accepted);
  }
  SECTION("beside signatures by others, in both layouts") {
    world.registry.sign(kRepository, world.digest, SigningKey());
    world.registry.put_bundle(kRepository, world.digest, other);
    world.registry.put_bundle(kRepository, world.digest, "junk");
    world.registry.put_bundle(kRepository, world.digest, bundle, "https://sigstore.dev/cosign/sign/v1");
    CHECK(world.verify().accepted);
  }
  SECTION("by another key") {
    world.registry.put_bundle(kRepository, world.digest, other);
    CHECK(world.reason_for() == reason::kKeyMismatch);
  }
  SECTION("beside a tag that cannot be read") {
    world.registry.put_bundle(kRepository, world.digest, bundle);
    answer(world, ".sig", response(503));
    CHECK(world.verify().accepted);
  }
}

TEST_CASE("what refers to an image without signing it is no signature") {
  World world;
  const std::string bundle = keyed_bundle(world.key, cosign_statement(world.digest));
  SECTION("a bundle that refers to another image") {
    world.registry.refer(kRepository, world.digest,
                         world.registry.put_bundle(kRepository, Digest::of("other"), bundle));
    CHECK(world.reason_for() == reason::kNoSignature);
  }
  SECTION("a statement about another image") {
    world.registry.put_bundle(kRepository, world.digest,
                              keyed_bundle(world.key, cosign_statement(Digest::of("other"))));
    CHECK(world.reason_for() == reason::kDigestNotSigned);
  }
  SECTION("an attestation by the right key") {
    std::string statement = cosign_statement(world.digest);
    statement.replace(statement.find("https://sigstore.dev/cosign/sign/v1"), 35,
                      "https://slsa.dev/provenance/v1");
    world.registry.put_bundle(kRepository, world.digest, keyed_bundle(world.key, statement));
    CHECK(world.reason_for() == reason::kPredicateMismatch);
  }
  SECTION("an attestation that is named as such is not fetched") {
    world.registry.put_bundle(kRepository, world.digest, bundle, "https://slsa.dev/provenance/v1");
    CHECK(world.reason_for() == reason::kNoSignature);
  }
  SECTION("a referrer of another kind") {
    world.registry.refer(kRepository, world.digest, world.registry.put_image(kRepository, "", "sbom"));
    CHECK(world.reason_for() == reason::kNoSignature);
  }
  SECTION("a referrer that is not there") {
    world.registry.refer(kRepository, world.digest, Digest::of("gone"));
    CHECK(world.reason_for() == reason::kNoSignature);
  }
  SECTION("no bundle") {
    world.registry.put_bundle(kRepository, world.digest, "{}");
    CHECK(world.reason_for() == reason::kUnsupportedLayout);
  }
  SECTION("a bundle over 1 MiB") {
    world.registry.put_bundle(kRepository, world.digest, bundle + std::string(1 << 20, ' '));
    CHECK(world.reason_for() == reason::kTooLarge);
  }
  SECTION("a bundle that the registry replaced") {
    world.registry.put_bundle(kRepository, world.digest, bundle);
    answer(world, "/blobs/", response(200, std::string(bundle.size(), ' ')));
    CHECK(world.reason_for() == reason::kDigestMismatch);
  }
}

TEST_CASE("the 65th referrer is not read") {
  World world;
  const std::string junk = keyed_bundle(SigningKey(), cosign_statement(world.digest));
  for (int i = 0; i < 64; ++i)
    world.registry.put_bundle(kRepository, world.digest, junk + std::string(std::size_t(i), ' '));
  world.registry.put_bundle(kRepository, world.digest,
                            keyed_bundle(world.key, cosign_statement(world.digest)));
  CHECK(world.reason_for() == reason::kTooManySignatures);
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
  std::mutex waiting;
  world.registry.sign(kRepository, world.digest, world.key);
  world.registry.intercept = [&](const net::HttpRequest& request) -> FakeRegistry::Answer {
    // A byte now and then: each answer comes just in time, all of them together do not.
    // Requests under way together wait for the same time.
    const std::lock_guard lock(waiting);
    const std::chrono::nanoseconds left =
        std::min<std::chrono::nanoseconds>(request.timeout, 20s - world.clock.passed());
    world.clock.advance(std::min<std::chrono::nanoseconds>(left, 9s));
    if (left < 9s) return fail(ErrorCode::kTimeout, "no complete answer");
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

TEST_CASE("a keyless authority without a trusted root accepts nothing, and does not hinder a key beside it") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  TrustPolicySpec spec = world.policies.front().spec;
  AuthoritySpec keyless;
  keyless.kind = AuthoritySpec::Kind::kKeyless;
  spec.authorities.push_back(keyless);
  world.policies = {resolve_references(spec, nullptr)};
  CHECK(world.verify().accepted);
  spec.authorities.erase(spec.authorities.begin());
  world.policies = {resolve_references(spec, nullptr)};
  CHECK(world.reason_for() == reason::kTrustedRootMissing);
}

TEST_CASE("revoked keys and digests do not count, however well signed") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  TrustPolicySpec spec = world.policies.front().spec;
  REQUIRE(world.verify().accepted);
  SECTION("the key") {
    spec.revoked_keys = {public_key_of(world.key).id()};
    world.policies = {resolve_references(spec, nullptr)};
    CHECK(world.reason_for() == reason::kKeyRevoked);
  }
  SECTION("the image, or what is in it") {
    spec.revoked_digests = {GENERATE_REF(Digest(world.digest), Digest::of("config of layer"))};
    world.policies = {resolve_references(spec, nullptr)};
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

TEST_CASE("bundles by the real cosign verify, and only by their own key") {
  World world;
  world.registry.load("shop/real", "bundle");
  const std::string image = "r.example.com/shop/real:1.0";
  world.policies = {policy_of("release", "**", {data("cosign.pub")})};
  const Verdict verdict = world.verify(image);
  CHECK(verdict.accepted);
  CHECK(verdict.digest == kRealIndex);
  world.policies = {policy_of("release", "**", {data("other.pub")})};
  CHECK(world.reason_for(image) == reason::kKeyMismatch);
}

namespace {

constexpr char kTestImage[] =
    "r.example.com/shop/it@sha256:3b75d56b3ff6ac3ee71264cac36add5f613dbbb603bd062ad3b01a8f59f89a75";

TrustPolicy keyless_policy(const std::string& subject, const std::string& issuer,
                           const std::string& root = "images/keyless/trusted_root.json") {
  TrustPolicySpec spec;
  spec.name = "release";
  spec.images = {ImageGlob::parse("**").value()};
  AuthoritySpec authority;
  authority.kind = AuthoritySpec::Kind::kKeyless;
  authority.name = "ci";
  authority.identity = {TextRule::exactly(issuer), TextRule::exactly(subject), {}};
  authority.trusted_roots = {{TextReference::Source::kInline, data(root), {}}};
  spec.authorities = {authority};
  return resolve_references(spec, nullptr);
}

}  // namespace

TEST_CASE("what the real cosign signed is accepted by who signed it, and by nobody else") {
  for (const nlohmann::json& one : nlohmann::json::parse(data("images/cases.json"))) {
    if (one.contains("root")) continue;  // certificates of an own authority
    const std::string name = one["name"];
    World world;
    world.registry.load("shop/it", "images/" + name);
    const auto accepts = [&](const nlohmann::json& key) {
      world.policies = {policy_of("release", "**", {data("images/keys/" + key.get<std::string>() + ".pub")})};
      return world.verify(kTestImage).accepted;
    };
    for (const auto& key : one["signers"]) {
      INFO(name << " by " << key);
      CHECK(accepts(key) == (one.value("expect", "verified") == "verified"));
    }
    for (const auto& key : one["others"]) {
      INFO(name << " by " << key);
      CHECK_FALSE(accepts(key));
    }
  }
}

TEST_CASE("a keyless signature is accepted by whoever has the identity at the issuer") {
  World world;
  world.registry.load("shop/it", "images/keyless/uri");
  const std::string subject = "https://ci.example.com/shop/.github/workflows/release.yml@refs/heads/main";
  const std::string issuer = "https://issuer.example.com";
  world.policies = {keyless_policy(subject, issuer)};
  const Verdict verdict = world.verify(kTestImage);
  CHECK(verdict.message == "signed by " + subject + " (" + issuer + ")");
  REQUIRE(verdict.accepted);
  const Proof& proof = verdict.proofs.front();
  CHECK(proof.authority == "ci");
  CHECK(proof.issuer == issuer);
  CHECK(proof.subject == subject);
  CHECK(proof.times.size() == 1);
  CHECK(proof.logs.size() == 1);

  const std::pair<std::string, std::string> others[] = {{subject + "x", issuer},
                                                        {subject.substr(0, subject.size() - 1), issuer},
                                                        {subject, issuer + "/"},
                                                        {"release@example.com", issuer},
                                                        {"", ""}};
  for (const auto& [other_subject, other_issuer] : others) {
    world.policies = {keyless_policy(other_subject, other_issuer)};
    CHECK(world.reason_for(kTestImage) == reason::kIdentityMismatch);
  }
  world.policies = {policy_of("release", "**", {world.key.pem()})};
  CHECK(world.reason_for(kTestImage) == reason::kKeyMismatch);
}

TEST_CASE("a keyless signature is refused where something that vouches for it is missing") {
  const std::pair<const char*, const char*> cases[] = {{"attestation", reason::kNoSignature},
                                                       {"late", reason::kCertificateExpired},
                                                       {"no-sct", reason::kSctMissing},
                                                       {"no-log-entry", reason::kLogEntryMissing},
                                                       {"no-time", reason::kTimeUnknown}};
  for (const auto& [name, why] : cases) {
    INFO(name);
    World world;
    world.registry.load("shop/it", "images/keyless/" + std::string(name));
    world.policies = {
        keyless_policy("https://ci.example.com/shop/.github/workflows/release.yml@refs/heads/main",
                       "https://issuer.example.com")};
    CHECK(world.reason_for(kTestImage) == why);
  }
}

TEST_CASE("a keyless signature by another instance is nobody's") {
  World world;
  world.registry.load("shop/it", "images/keyless/email");
  world.policies = {keyless_policy("release@example.com", "https://issuer.example.com",
                                   "conformance/roots/public-good.json")};
  CHECK_FALSE(world.verify(kTestImage).accepted);
  world.policies.front().identities.front().roots = std::make_shared<const std::vector<TrustedRoot>>();
  CHECK_FALSE(world.verify(kTestImage).accepted);
  world.policies = {keyless_policy("release@example.com", "https://issuer.example.com")};
  CHECK(world.verify(kTestImage).accepted);
}

TEST_CASE("a signature by an own authority's certificate is accepted by who is named in it") {
  World world;
  TrustPolicySpec spec;
  spec.name = "release";
  spec.images = {ImageGlob::parse("**").value()};
  AuthoritySpec authority;
  authority.kind = AuthoritySpec::Kind::kCertificate;
  authority.name = "corporate";
  authority.identity.subject = TextRule::exactly("release@example.com");
  authority.authority_chain = {TextReference::Source::kInline, data("images/pki/root.crt"), {}};
  const auto use = [&] {
    spec.authorities = {authority};
    world.policies = {resolve_references(spec, nullptr)};
    REQUIRE_FALSE(world.policies.front().defect);
  };
  use();
  SECTION("valid now") {
    world.registry.load("shop/it", "images/pki-valid");
    const Verdict verdict = world.verify(kTestImage);
    CHECK(verdict.message == "signed by release@example.com");
    REQUIRE(verdict.accepted);
    CHECK(verdict.proofs.front().authority == "corporate");
    CHECK(verdict.proofs.front().logs.empty());
    authority.identity.subject = TextRule::exactly("https://ci.example.com/release");
    use();
    CHECK(world.verify(kTestImage).message == "signed by https://ci.example.com/release");
    authority.identity.subject = TextRule::exactly("root@example.com");
    use();
    CHECK(world.reason_for(kTestImage) == reason::kIdentityMismatch);
  }
  SECTION("before it was valid, and after") {
    world.registry.load("shop/it", "images/pki-valid");
    world.clock.advance(std::chrono::hours(24) * 365 * 40);
    CHECK(world.reason_for(kTestImage) == reason::kCertificateExpired);
    world.clock.advance(-std::chrono::hours(24) * 365 * 50);
    CHECK(world.reason_for(kTestImage) == reason::kCertificateExpired);
  }
  SECTION("expired") {
    world.registry.load("shop/it", "images/pki-expired");
    CHECK(world.reason_for(kTestImage) == reason::kCertificateExpired);
  }
  SECTION("a chain in a bundle that must not have one") {
    world.registry.load("shop/it", "images/pki-valid-bundle");
    CHECK(world.reason_for(kTestImage) == reason::kBundleMalformed);
  }
  SECTION("another authority") {
    world.registry.load("shop/it", "images/pki-valid");
    const auto root = nlohmann::json::parse(data("images/keyless/trusted_root.json"));
    const std::string other = root["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"];
    authority.authority_chain.text =
        "-----BEGIN CERTIFICATE-----\n" + other + "\n-----END CERTIFICATE-----\n";
    use();
    CHECK(world.reason_for(kTestImage) == reason::kCertificateUntrusted);
  }
  SECTION("a bare key") {
    world.registry.load("shop/it", "images/one-bundle");
    CHECK(world.reason_for(kTestImage) == reason::kIdentityMismatch);
  }
  SECTION("a keyless signature of Sigstore") {
    world.registry.load("shop/it", "images/keyless/email");
    CHECK(world.reason_for(kTestImage) == reason::kCertificateUntrusted);
  }
}

namespace {

/// The policy of key a, with the rules of a document's `attestations`.
TrustPolicy attesting_policy(const std::string& rules, const std::string& key = "a") {
  const auto document = parse_yaml_document(R"(
apiVersion: kintsugi.dev/v1alpha1
kind: TrustPolicy
metadata: {name: release}
spec:
  images: ["**"]
  authorities: [{key: {file: /replaced}}]
  attestations: )" + rules);
  REQUIRE(document);
  ProblemList problems("policy");
  TrustPolicySpec spec = parse_trust_policy(*document, problems);
  if (!problems.empty()) FAIL(problems.to_error().to_string());
  spec.authorities.front().key = {TextReference::Source::kInline, data("images/keys/" + key + ".pub"), {}};
  return resolve_references(spec, nullptr);
}

}  // namespace

TEST_CASE("an image needs each attestation that its policy asks for, in either layout") {
  World world;
  world.registry.load("shop/it", "images/bundle-and-attestation");
  const auto reason_with = [&](const std::string& rules) {
    world.policies = {attesting_policy(rules)};
    return world.reason_for(kTestImage);
  };
  CHECK(reason_with("[{predicateType: slsaprovenance1}]") == reason::kVerified);
  world.policies = {attesting_policy("[{name: built, predicateType: slsaprovenance1}]")};
  const Verdict verdict = world.verify(kTestImage);
  REQUIRE(verdict.attestations.size() == 1);
  CHECK(verdict.attestations.front().rule == "built");
  CHECK(verdict.attestations.front().predicate_type == "https://slsa.dev/provenance/v1");
  CHECK(verdict.attestations.front().signer.key_id == verdict.proofs.front().key_id);

  CHECK(reason_with("[{predicateType: vuln}]") == reason::kAttestationMissing);
  CHECK(reason_with("[{predicateType: slsaprovenance1}, {predicateType: vuln}]") ==
        reason::kAttestationMissing);
  CHECK(
      reason_with("[{predicateType: slsaprovenance1, provenance: {builder: https://nobody.example.com}}]") ==
      reason::kAttestationRefused);
  CHECK(reason_with("[{predicateType: slsaprovenance1, conditions: ['has(predicate.buildDefinition)']}]") ==
        reason::kVerified);
  CHECK(reason_with("[{predicateType: slsaprovenance1, conditions: ['predicate.none == 1']}]") ==
        reason::kAttestationRefused);
}

TEST_CASE("attestations of the tag layout count beside a signature") {
  World world;
  world.registry.load("shop/it", "images/attestations");
  world.policies = {attesting_policy("[{predicateType: slsaprovenance1}]")};
  CHECK(world.reason_for(kTestImage) == reason::kNoSignature);
  world.registry.load("shop/it", "images/one-bundle");
  for (const char* type : {"slsaprovenance02", "slsaprovenance1", "vuln", "spdxjson", "cyclonedx",
                           "https://example.com/review/v1"}) {
    INFO(type);
    world.clock.advance(31s);
    world.policies = {attesting_policy(std::string("[{predicateType: ") + type + "}]")};
    CHECK(world.reason_for(kTestImage) == reason::kVerified);
  }
  world.policies = {attesting_policy("[{predicateType: openvex}]")};
  CHECK(world.reason_for(kTestImage) == reason::kAttestationMissing);
}

TEST_CASE("an attestation by nobody that the policy knows is none") {
  World world;
  world.registry.load("shop/it", "images/attestations");  // by a
  world.registry.load("shop/it", "images/two-bundles");   // signed by a and by b
  world.policies = {attesting_policy("[{predicateType: vuln}]", "b")};
  const Verdict verdict = world.verify(kTestImage);
  CHECK(verdict.reason == reason::kAttestationMissing);
  CHECK_THAT(verdict.message, Catch::Contains("signed by none"));
  CHECK(verdict.proofs.empty());
  CHECK(verdict.attestations.empty());
}

TEST_CASE("a place of attestations that cannot be read is trouble, and no judgement") {
  World world;
  world.registry.load("shop/it", "images/one-bundle");
  world.policies = {attesting_policy("[{predicateType: vuln}]")};
  answer(world, ".att", response(503));
  const Verdict verdict = world.verify(kTestImage);
  CHECK(verdict.reason == reason::kRegistryUnavailable);
  CHECK(verdict.retryable);
}
