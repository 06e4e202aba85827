// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/trust_test_program.h"
#include "trust/testing/fake_registry.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;
using trust::testing::FakeRegistry;

constexpr char kImage[] =
    "r.example.com/shop/it@sha256:3b75d56b3ff6ac3ee71264cac36add5f613dbbb603bd062ad3b01a8f59f89a75";
constexpr char kSubject[] = "https://ci.example.com/shop/.github/workflows/release.yml@refs/heads/main";
constexpr char kIssuer[] = "https://issuer.example.com";
const std::string kData = "trust/testdata/";

using World = TrustWorld;

std::ptrdiff_t lines_of(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

}  // namespace

TEST_CASE("trust verify says who signed an image, and what to pin to") {
  World world;
  world.registry.load("shop/it", "images/one-bundle");
  const Ending good = world.run({"verify", kImage, "--key", kData + "images/keys/a.pub"});
  CHECK(good.code == ExitCode::kDone);
  CHECK_THAT(good.out, Catch::Contains("digest sha256:3b75d56b"));
  CHECK_THAT(good.out, Catch::Contains("signed by sha256:"));
  CHECK(good.err.empty());
}

TEST_CASE("a refusal is one line on the error stream, and one document with -o json") {
  World world;
  world.registry.load("shop/it", "images/one-bundle");
  const std::string key = kData + "images/keys/b.pub";
  const Ending refused = world.run({"verify", kImage, "--key", key});
  CHECK(refused.code == ExitCode::kError);
  CHECK(refused.out.empty());
  CHECK(lines_of(refused.err) == 1);
  CHECK_THAT(refused.err, Catch::StartsWith("kintsugi: KeyMismatch: "));

  const Ending as_json = world.run({"verify", kImage, "--key", key, "-o", "json"});
  CHECK(as_json.code == ExitCode::kError);
  CHECK(lines_of(as_json.err) == 1);
  const json document = json::parse(as_json.out);
  CHECK(document["accepted"] == false);
  CHECK(document["reason"] == "KeyMismatch");
  CHECK(document["proofs"].empty());
}

TEST_CASE("what cannot be decided is refused with its reason") {
  World world;
  world.registry.load("shop/it", "images/one-bundle");
  const std::string key = kData + "images/keys/a.pub";
  const auto reason_of = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"-o", "json"});
    const Ending ending = world.run(all);
    CHECK(ending.code == ExitCode::kError);
    CHECK(lines_of(ending.err) == 1);
    return json::parse(ending.out)["reason"].get<std::string>();
  };
  CHECK(reason_of({"verify", "r.example.com/shop/none:1", "--key", key}) == "ManifestUnknown");
  CHECK(reason_of({"verify", "not an image", "--key", key}) == "ImageReferenceInvalid");
  CHECK(reason_of({"verify", kImage, "--key", "/nonexistent"}) == "PolicyInvalid");
  CHECK(reason_of({"verify", kImage, "--policy", "/nonexistent"}) == "InvalidInput");
  CHECK(reason_of({"verify", kImage, "--key", key, "--trusted-root", key}) == "TrustedRootInvalid");
  world.registry.intercept = [](const net::HttpRequest&) {
    return FakeRegistry::Answer(trust::testing::response(503));
  };
  CHECK(reason_of({"verify", kImage, "--key", key}) == "RegistryUnavailable");
}

TEST_CASE("trust verify knows keyless signers, exactly or by a pattern for the whole value") {
  World world;
  world.registry.load("shop/it", "images/keyless/uri");
  const std::string root = kData + "images/keyless/trusted_root.json";
  const auto verify = [&](const char* identity_flag, const std::string& identity, const char* issuer_flag,
                          const std::string& issuer) {
    return world.run(
        {"verify", kImage, identity_flag, identity, issuer_flag, issuer, "--trusted-root", root});
  };
  const Ending good = verify("--certificate-identity", kSubject, "--certificate-oidc-issuer", kIssuer);
  CHECK(good.err.empty());
  CHECK(good.code == ExitCode::kDone);
  CHECK_THAT(good.out, Catch::Contains(std::string(kSubject) + " (" + kIssuer + ")"));
  CHECK(verify("--certificate-identity-regexp", R"(https://ci\.example\.com/shop/.*)",
               "--certificate-oidc-issuer-regexp", "https://issuer.*")
            .code == ExitCode::kDone);
  const Ending in_part =
      verify("--certificate-identity-regexp", R"(ci\.example\.com)", "--certificate-oidc-issuer", kIssuer);
  CHECK(in_part.code == ExitCode::kError);
  CHECK_THAT(in_part.err, Catch::Contains("the whole value must match"));
  CHECK(verify("--certificate-identity", "somebody@example.com", "--certificate-oidc-issuer", kIssuer).code ==
        ExitCode::kError);
  const Ending rootless =
      world.run({"verify", kImage, "--certificate-identity", kSubject, "--certificate-oidc-issuer", kIssuer});
  CHECK_THAT(rootless.err, Catch::StartsWith("kintsugi: TrustedRootMissing"));
}

TEST_CASE("trust explain tells what every policy makes of every signature") {
  World world;
  world.registry.load("shop/it", "images/bundle-and-tag");
  const Ending good = world.run({"explain", kImage, "--key", kData + "images/keys/a.pub"});
  CHECK(good.code == ExitCode::kDone);
  CHECK_THAT(good.out, Catch::Contains("signature 1: KeyMismatch"));
  CHECK_THAT(good.out, Catch::Contains("bundle 1: good, signed by sha256:"));
  const Ending bad = world.run({"explain", kImage, "--key", kData + "images/keys/p384.pub", "-o", "json"});
  CHECK(bad.code == ExitCode::kError);
  const json document = json::parse(bad.out);
  CHECK(document["verdict"]["accepted"] == false);
  CHECK(document["policies"][0]["signatures"].size() == 2);
}

TEST_CASE("trust sign-requirements says how to sign, without asking a registry") {
  World world;
  const Ending ending = world.run({"sign-requirements", "registry.example.com/shop/web:1", "--policy",
                                   "charts/kintsugi/examples/trust-policy.yaml"});
  INFO(ending.err);
  CHECK_THAT(ending.out, Catch::Contains("cosign sign --key"));
  CHECK(world.registry.requests.empty());
  CHECK(world
            .run({"sign-requirements", "other.example.com/a:1", "--policy",
                  "charts/kintsugi/examples/trust-policy.yaml"})
            .code == ExitCode::kError);
}

TEST_CASE("what a policy asks of signatures is shown, and what another would refuse") {
  World world;
  world.registry.load("shop/it", "images/bundle-and-attestation");
  const std::string policy = "/tmp/kintsugi-trust-test-" + std::to_string(::getpid()) + ".yaml";
  const std::string key = json(read_file(kData + "images/keys/a.pub", 4096).value()).dump();
  REQUIRE(write_file_durably(policy, R"(
apiVersion: kintsugi.dev/v1alpha1
kind: TrustPolicy
metadata: {name: release}
spec:
  images: ["r.example.com/**"]
  authorities: [{key: {inline: )" + key + R"(}}]
---
apiVersion: kintsugi.dev/v1alpha1
kind: TrustPolicy
metadata: {name: trial}
spec:
  images: ["r.example.com/**"]
  mode: warn
  require: all
  authorities:
    - {name: build, key: {inline: )" + key +
                                         R"(}, annotations: {stage: release}}
    - {name: review, key: {inline: )" + key +
                                         R"(}}
  signedReference: {match: repository, remap: [{prefix: r.example.com, signedPrefix: docker.io}]}
)"));
  const Ending good = world.run({"verify", kImage, "--policy", policy});
  CHECK(good.code == ExitCode::kDone);
  CHECK(good.err.empty());
  CHECK_THAT(good.out, Catch::Contains("warning: policy trial would refuse it: AnnotationMismatch"));
  const Ending document = world.run({"verify", kImage, "--policy", policy, "-o", "json"});
  CHECK(json::parse(document.out)["warnings"].size() == 1);
  const Ending requirements = world.run({"sign-requirements", kImage, "--policy", policy});
  for (const char* text :
       {"policy release accepts a signature by any one of", "policy trial wants signatures by all of",
        "--annotations 'stage=release'", "which names docker.io/shop/it"}) {
    CHECK_THAT(requirements.out, Catch::Contains(text));
  }
  std::remove(policy.c_str());
}

TEST_CASE("what a policy asks of attestations is shown, and who attested") {
  World world;
  world.registry.load("shop/it", "images/bundle-and-attestation");
  const std::string policy = "/tmp/kintsugi-trust-test-" + std::to_string(::getpid()) + ".yaml";
  REQUIRE(write_file_durably(policy,
                             R"(
apiVersion: kintsugi.dev/v1alpha1
kind: TrustPolicy
metadata: {name: release}
spec:
  images: ["r.example.com/**"]
  authorities: [{key: {inline: ")" +
                                 json(read_file(kData + "images/keys/a.pub", 4096).value()).dump().substr(1) +
                                 R"(}}]
  attestations: [{name: built, predicateType: slsaprovenance1}]
)"));
  const Ending good = world.run({"verify", kImage, "--policy", policy});
  CHECK(good.err.empty());
  CHECK_THAT(good.out,
             Catch::Contains("attestation built (https://slsa.dev/provenance/v1): signed by sha256:"));
  const Ending requirements = world.run({"sign-requirements", kImage, "--policy", policy});
  CHECK_THAT(requirements.out, Catch::Contains("cosign attest --type https://slsa.dev/provenance/v1"));

  const Ending explained = world.run({"explain", kImage, "--policy", policy});
  CHECK_THAT(explained.out, Catch::Contains("(https://slsa.dev/provenance/v1): signed by sha256:"));
  CHECK_THAT(explained.out, Catch::Contains("\n      rule built: content\n"));
  const json document = json::parse(world.run({"explain", kImage, "--policy", policy, "-o", "json"}).out);
  const json& attestations = document["policies"][0]["attestations"];
  REQUIRE(attestations.size() == 1);
  CHECK(attestations[0]["good"] == true);
  CHECK(attestations[0]["predicateType"] == "https://slsa.dev/provenance/v1");
  CHECK(attestations[0]["rules"][0] == json({{"rule", "built"}, {"good", true}}));
  std::remove(policy.c_str());
}

TEST_CASE("wrong use of trust ends with 2 and a word about it") {
  World world;
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"verfy", kImage},
      {"verify"},
      {"verify", kImage},
      {"verify", kImage, "--key", "a", "--policy", "b"},
      {"verify", kImage, "--key", "a", "-o", "yaml"},
      {"verify", kImage, "--key", "a", "--timeout", "soon"},
      {"verify", kImage, "--key", "a", "--bundle", "b"},
      {"verify", kImage, "--certificate-identity", "a"},
      {"verify", kImage, "--certificate-oidc-issuer", "a"},
      {"verify", kImage, "--certificate-identity", "a", "--certificate-identity-regexp", "a",
       "--certificate-oidc-issuer", "b"},
      {"verify", kImage, "--certificate-identity-regexp", "(", "--certificate-oidc-issuer", "b"},
      {"sign-requirements", kImage},
  };
  for (const auto& arguments : cases) {
    INFO(json(arguments).dump());
    const Ending ending = world.run(arguments);
    CHECK(ending.code == ExitCode::kWrongUse);
    CHECK(ending.out.empty());
    CHECK_FALSE(ending.err.empty());
  }
  CHECK(world.run({"--help"}).code == ExitCode::kDone);
  CHECK_THAT(world.run({"verify", "--help"}).out, Catch::Contains("--certificate-identity"));
}

}  // namespace kintsugi::cli
