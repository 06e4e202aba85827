// SPDX-License-Identifier: Apache-2.0

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "trust/crypto/reasons.h"
#include "trust/policy/verifier_world.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;
using namespace std::chrono_literals;

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

TEST_CASE("an SBOM that was only attached is none, and the refusal says so") {
  World world;
  world.registry.load("shop/it", "images/one-bundle");
  const std::string digest = std::string(kTestImage).substr(std::string(kTestImage).size() - 64);
  world.registry.put_image("shop/it", "sha256-" + digest + ".sbom", R"({"spdxVersion": "SPDX-2.3"})");
  world.policies = {attesting_policy("[{predicateType: spdxjson}]")};
  const Verdict verdict = world.verify(kTestImage);
  CHECK(verdict.reason == reason::kAttestationMissing);
  CHECK_THAT(verdict.message, Catch::Contains(".sbom does not count"));
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
