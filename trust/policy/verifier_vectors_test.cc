// SPDX-License-Identifier: Apache-2.0
//
// What the real tools signed.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "trust/crypto/reasons.h"
#include "trust/policy/verifier_world.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;

namespace {

const Digest kRealIndex =
    Digest::parse("sha256:1da94222354ad979f2d88dbafb5732b2df08eda7abd44bf0a5f6f3aa879f082b").value();

}  // namespace

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
  world.policies.front().authorities.front().roots = std::make_shared<const std::vector<TrustedRoot>>();
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
