// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/verifier.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "trust/crypto/reasons.h"
#include "trust/policy/verifier_world.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;
using namespace std::chrono_literals;

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

TEST_CASE("a key of OpenPGP signs no image of a registry, and is in no other authority's way") {
  World world;
  world.registry.sign(kRepository, world.digest, world.key);
  TrustPolicySpec spec = world.policies.front().spec;
  AuthoritySpec openpgp;
  openpgp.kind = AuthoritySpec::Kind::kOpenPgp;
  openpgp.key.text = read_file("trust/testdata/openpgp/rsa.asc", 1u << 16).value();
  spec.authorities.insert(spec.authorities.begin(), openpgp);
  world.policies = {resolve_references(spec, nullptr)};
  CHECK(world.verify().accepted);
  spec.authorities.pop_back();
  world.policies = {resolve_references(spec, nullptr)};
  REQUIRE_FALSE(world.policies.front().defect);
  CHECK(world.reason_for() == reason::kKeyMismatch);
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
    spec.revoked.keys = {public_key_of(world.key).id()};
    world.policies = {resolve_references(spec, nullptr)};
    CHECK(world.reason_for() == reason::kKeyRevoked);
  }
  SECTION("the image, or what is in it") {
    spec.revoked.digests = {GENERATE_REF(Digest(world.digest), Digest::of("config of layer"))};
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
