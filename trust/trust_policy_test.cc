// SPDX-License-Identifier: Apache-2.0
#include "trust/trust_policy.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "trust/reasons.h"
#include "trust/testing/cosign.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using testing::public_key_of;

namespace {

const std::string kHeader =
    "apiVersion: kintsugi.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: release}\n";

/// The policy, or the first problem as text in `problem`.
TrustPolicySpec parse(const std::string& yaml, std::string& problem) {
  ProblemList problems("a.yaml");
  const auto document = parse_yaml_document(yaml);
  REQUIRE(document);
  TrustPolicySpec spec = parse_trust_policy(*document, problems);
  problem = problems.empty() ? "" : problems.all().front().to_string();
  return spec;
}

TrustPolicySpec parse(const std::string& yaml) {
  std::string problem;
  TrustPolicySpec spec = parse(yaml, problem);
  CHECK(problem.empty());
  return spec;
}

Result<std::string> no_config_maps(const std::string&, const std::string&) {
  return fail(ErrorCode::kNotFound, "no such ConfigMap");
}

TrustPolicySpec with_key(const std::string& pem) {
  TrustPolicySpec spec;
  spec.name = "release";
  spec.images = {ImageGlob::parse("r.io/**").value()};
  AuthoritySpec authority;
  authority.name = "authorities[0]";
  authority.key.text = pem;
  spec.authorities = {authority};
  return spec;
}

}  // namespace

TEST_CASE("a TrustPolicy is read in all its forms") {
  const TrustPolicySpec spec = parse(kHeader + R"(
spec:
  images: ["registry.example.com/shop/**", "*.example.com/base/*"]
  authorities:
    - key: {configMapRef: {name: cosign-pub}}
    - name: release-key
      key: {inline: "-----BEGIN PUBLIC KEY-----\n"}
    - key: {file: /etc/keys/a.pub}
    - key: {configMapRef: {name: keys, key: b.pub}}
    - keyless: {issuer: https://token.actions.example, subject: "https://github.example/shop/*"}
  revoked:
    keys: ["sha256:)" + std::string(64, 'a') +
                                     R"("]
    digests: ["sha256:)" + std::string(64, 'b') +
                                     "\"]\n");
  CHECK(spec.name == "release");
  CHECK(spec.images.size() == 2);
  REQUIRE(spec.authorities.size() == 5);
  CHECK(spec.authorities[0].key.source == KeyReference::Source::kConfigMap);
  CHECK(spec.authorities[0].key.key == "cosign.pub");
  CHECK(spec.authorities[0].name == "authorities[0]");
  CHECK(spec.authorities[1].name == "release-key");
  CHECK(spec.authorities[2].key.source == KeyReference::Source::kFile);
  CHECK(spec.authorities[3].key.key == "b.pub");
  CHECK(spec.authorities[4].kind == AuthoritySpec::Kind::kKeyless);
  CHECK(spec.revoked_keys.size() == 1);
  CHECK(spec.revoked_digests.size() == 1);
  CHECK(spec.selects(ImageReference::parse("registry.example.com/shop/web").value()));
  CHECK_FALSE(spec.selects(ImageReference::parse("nginx").value()));
}

TEST_CASE("what an API server adds to a TrustPolicy is passed over") {
  parse(R"({"apiVersion":"kintsugi.dev/v1alpha1","kind":"TrustPolicy",
            "metadata":{"name":"a","uid":"u","managedFields":[{"x":1}]},
            "spec":{"images":["r.io/**"],"authorities":[{"key":{"file":"/k"}}]},"status":{"anything":true}})");
}

TEST_CASE("a mistake in a TrustPolicy is named with its place") {
  const std::string images = "spec:\n  images: [r.io/a]\n";
  const std::string good = images + "  authorities:\n    - key: {file: /k}\n";
  struct Case {
    std::string yaml, expected;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"[]", "object"},
      {"{}", "apiVersion"},
      {"apiVersion: v1\nkind: TrustPolicy\nmetadata: {name: a}\n" + good,
       "a.yaml:1:13: apiVersion: expected"},
      {"apiVersion: kintsugi.dev/v1alpha1\nkind: Playbook\nmetadata: {name: a}\n" + good,
       "a.yaml:2:7: kind: expected"},
      {"apiVersion: kintsugi.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {}\n" + good, "'name' is missing"},
      {"apiVersion: kintsugi.dev/v1alpha1\nkind: TrustPolicy\n" + good, "metadata"},
      {kHeader, "spec"},
      {kHeader + "spec: {}\n", "images"},
      {kHeader + good + "  autorities: []\n", "did you mean 'authorities'?"},
      {kHeader + "spec:\n  image: [r.io/a]\n  authorities:\n    - key: {file: /k}\n",
       "did you mean 'images'?"},
      {kHeader + "spec:\n  images: []\n  authorities:\n    - key: {file: /k}\n", "a policy for no image"},
      {kHeader + "spec:\n  images: r.io/a\n  authorities:\n    - key: {file: /k}\n", "images"},
      {kHeader + "spec:\n  images: [nginx]\n  authorities:\n    - key: {file: /k}\n",
       "docker.io/library/nginx"},
      {kHeader + "spec:\n  images: ['r.io/a:1']\n  authorities:\n    - key: {file: /k}\n",
       "a tag has no place"},
      {kHeader + images, "authorities"},
      {kHeader + images + "  authorities: []\n", "nobody may sign"},
      {kHeader + images + "  authorities: [{}]\n", "exactly one of 'key' and 'keyless'"},
      {kHeader + images + "  authorities:\n    - key: {file: /k}\n      keyless: {issuer: a, subject: b}\n",
       "a.yaml:7:7: spec.authorities[0]: exactly one"},
      {kHeader + images + "  authorities:\n    - key: {}\n",
       "exactly one of 'inline', 'file' and 'configMapRef'"},
      {kHeader + images + "  authorities:\n    - key: {file: /k, inline: x}\n", "exactly one of"},
      {kHeader + images + "  authorities:\n    - key: {file: k}\n", "absolute"},
      {kHeader + images + "  authorities:\n    - key: {path: /k}\n", "unknown key 'path'"},
      {kHeader + images + "  authorities:\n    - key: {configMapRef: {}}\n", "name"},
      {kHeader + images + "  authorities:\n    - key: {configMapRef: {name: a, namespace: b}}\n",
       "namespace"},
      {kHeader + images + "  authorities:\n    - key: {secretRef: {name: a}}\n", "secretRef"},
      {kHeader + images + "  authorities:\n    - keyless: {issuer: a}\n", "subject"},
      {kHeader + images + "  authorities:\n    - keyless: {issuer: a, subjectRegExp: b}\n", "subjectRegExp"},
      {kHeader + good + "  revoked: {digests: [sha512:a]}\n", "not a sha256 digest"},
      {kHeader + good + "  revoked: {keys: [abc]}\n", "not a sha256 digest"},
      {kHeader + good + "  revoked: {digest: []}\n", "did you mean 'digests'?"},
      {kHeader + good + "  mode: warn\n", "unknown key 'mode'"},
      {kHeader + good + "extra: 1\n", "unknown key 'extra'"},
  }));
  INFO(c.yaml);
  std::string problem;
  parse(c.yaml, problem);
  CHECK_THAT(problem, Catch::Contains(c.expected));
}

TEST_CASE("keys come from the text, a ConfigMap, and are told apart when revoked") {
  const SigningKey first;
  const SigningKey second;
  TrustPolicySpec spec = with_key(first.pem());
  AuthoritySpec other = spec.authorities.front();
  other.key = {KeyReference::Source::kConfigMap, "keys", "b.pub"};
  spec.authorities.push_back(other);
  const ConfigMapReader reader = [&](const std::string& name, const std::string& key) -> Result<std::string> {
    CHECK(name == "keys");
    CHECK(key == "b.pub");
    return second.pem();
  };
  TrustPolicy policy = resolve_keys(spec, reader);
  CHECK_FALSE(policy.defect);
  CHECK(policy.keys.size() == 2);
  spec.revoked_keys = {public_key_of(second).id()};
  policy = resolve_keys(spec, reader);
  REQUIRE(policy.keys.size() == 1);
  CHECK(policy.keys.front().id() == public_key_of(first).id());
  CHECK(policy.dead_keys.size() == 1);
}

TEST_CASE("a key that cannot be had is a defect of the policy, which still selects") {
  TrustPolicySpec spec = with_key("no key");
  CHECK_THAT(resolve_keys(spec, no_config_maps).defect->to_string(), Catch::Contains("TrustPolicy release"));
  spec.authorities.front().key = {KeyReference::Source::kFile, "/nonexistent/key.pub", ""};
  CHECK(resolve_keys(spec, no_config_maps).defect);
  spec.authorities.front().key = {KeyReference::Source::kConfigMap, "keys", "a"};
  const TrustPolicy policy = resolve_keys(spec, no_config_maps);
  CHECK(policy.defect);
  CHECK(policy.keys.empty());
  CHECK(policy.spec.selects(ImageReference::parse("r.io/a").value()));
  CHECK(resolve_keys(with_key(SigningKey("secp256k1").pem()), no_config_maps).defect->reason ==
        reason::kUnsupportedKey);
}

TEST_CASE("the hash of a policy changes with whatever a verdict depends on") {
  const SigningKey key;
  const TrustPolicySpec base = with_key(key.pem());
  const std::string hash = resolve_keys(base, no_config_maps).hash;
  CHECK(resolve_keys(base, no_config_maps).hash == hash);
  TrustPolicySpec der = base;
  der.authorities.front().key.text = key.der();
  CHECK(resolve_keys(der, no_config_maps).hash == hash);
  std::vector<TrustPolicySpec> changed(5, base);
  changed[0].name = "other";
  changed[1].images.push_back(ImageGlob::parse("s.io/**").value());
  changed[2].authorities.front().key.text = SigningKey().pem();
  changed[3].revoked_digests = {Digest::of("x")};
  changed[4].revoked_keys = {public_key_of(key).id()};
  for (const TrustPolicySpec& spec : changed) CHECK(resolve_keys(spec, no_config_maps).hash != hash);
}
