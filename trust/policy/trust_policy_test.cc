// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/trust_policy.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <span>

#include "base/time.h"
#include "trust/crypto/reasons.h"
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

Result<std::string> no_objects(const TextReference&) {
  return fail(ErrorCode::kNotFound, "no such object");
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
    - key: {secretRef: {name: keys, key: b.pub}}
    - keyless: {issuer: https://token.actions.example, subject: "https://github.example/shop/*"}
    - name: ci
      keyless:
        issuerPattern: https://token\..*
        subjectPattern: .*@example\.com
        claims: {sourceRepositoryURI: https://github.example/shop}
        trustedRoots: [{configMapRef: {name: sigstore}}, {file: /etc/root.json}]
    - certificate: {chain: {file: /etc/chain.pem}, subject: release@example.com}
  revoked:
    keys: ["sha256:)" + std::string(64, 'a') +
                                     R"("]
    digests: ["sha256:)" + std::string(64, 'b') +
                                     "\"]\n");
  CHECK(spec.name == "release");
  CHECK(spec.images.size() == 2);
  REQUIRE(spec.authorities.size() == 7);
  CHECK(spec.authorities[0].key.source == TextReference::Source::kConfigMap);
  CHECK(spec.authorities[0].key.key == "cosign.pub");
  CHECK(spec.authorities[0].name == "authorities[0]");
  CHECK(spec.authorities[1].name == "release-key");
  CHECK(spec.authorities[2].key.source == TextReference::Source::kFile);
  CHECK(spec.authorities[3].key.source == TextReference::Source::kSecret);
  CHECK(spec.authorities[3].key.text == "keys");
  CHECK(spec.authorities[3].key.key == "b.pub");
  CHECK(spec.authorities[4].kind == AuthoritySpec::Kind::kKeyless);
  const AuthoritySpec& exact = spec.authorities[4];
  CHECK(exact.identity.subject.accepts("https://github.example/shop/*"));
  CHECK_FALSE(exact.identity.subject.accepts("https://github.example/shop/web"));
  CHECK(exact.trusted_roots.empty());
  const AuthoritySpec& ci = spec.authorities[5];
  CHECK(ci.identity.issuer.accepts("https://token.example"));
  CHECK(ci.identity.subject.accepts("release@example.com"));
  CHECK_FALSE(ci.identity.subject.accepts("release@example.com.evil"));
  CHECK(ci.identity.claims.at("sourceRepositoryURI").accepts("https://github.example/shop"));
  REQUIRE(ci.trusted_roots.size() == 2);
  CHECK(ci.trusted_roots[0].key == "trusted_root.json");
  CHECK(ci.trusted_roots[1].text == "/etc/root.json");
  CHECK(spec.authorities[6].kind == AuthoritySpec::Kind::kCertificate);
  CHECK(spec.authorities[6].authority_chain.text == "/etc/chain.pem");
  CHECK(spec.authorities[6].identity.subject.accepts("release@example.com"));
  CHECK(spec.revoked.keys.size() == 1);
  CHECK(spec.revoked.digests.size() == 1);
  CHECK(spec.selects(ImageReference::parse("registry.example.com/shop/web").value()));
  CHECK_FALSE(spec.selects(ImageReference::parse("nginx").value()));
}

TEST_CASE("how much a TrustPolicy asks for is read") {
  const TrustPolicySpec spec = parse(kHeader + R"(
spec:
  images: ["r.io/**", "mirror.io/hub/**"]
  mode: warn
  require: all
  authorities:
    - key: {file: /k}
      annotations: {stage: release}
  signatureRepository: s.io/sigs
  signedReference:
    match: repository
    remap: [{prefix: mirror.io/hub, signedPrefix: docker.io}]
  pinnedDigests:
    - {image: "r.io/shop/web:1.2", digest: "sha256:)" +
                                     std::string(64, 'c') + R"("}
  revoked:
    signedAfter: 2026-11-01T00:00:00Z
    identities:
      - {subject: mallory@example.com}
      - {issuer: https://token.example, subjectPattern: ".*@evil", since: "2026-10-01T12:00:00+02:00"}
)");
  CHECK(spec.mode == TrustPolicySpec::Mode::kWarn);
  CHECK(spec.quorum == TrustPolicySpec::Quorum::kAll);
  CHECK(spec.authorities.front().annotations == Annotations{{"stage", "release"}});
  REQUIRE(spec.signature_repository);
  CHECK(spec.signature_repository->name() == "s.io/sigs");
  REQUIRE(spec.signed_reference);
  REQUIRE(spec.signed_reference->remap.size() == 1);
  CHECK(spec.signed_reference->remap.front().signed_prefix == "docker.io");
  const auto image = [](const char* text) { return ImageReference::parse(text).value(); };
  const Digest pinned = Digest::parse("sha256:" + std::string(64, 'c')).value();
  CHECK(spec.pinned_digest(image("r.io/shop/web:1.2")) == pinned);
  CHECK_FALSE(spec.pinned_digest(image("r.io/shop/web")));
  CHECK_FALSE(spec.pinned_digest(image("r.io/shop/db:1.2")));
  CHECK(spec.pins(image("r.io/shop/web"), pinned));
  CHECK_FALSE(spec.pins(image("r.io/shop/db"), pinned));
  CHECK_FALSE(spec.pins(image("r.io/shop/web:1.2"), Digest::of("x")));
  CHECK(spec.revoked.signed_after == parse_rfc3339("2026-11-01T00:00:00Z").value());
  REQUIRE(spec.revoked.identities.size() == 2);
  CHECK_FALSE(spec.revoked.identities[0].issuer);
  CHECK_FALSE(spec.revoked.identities[0].since);
  CHECK(spec.revoked.identities[1].subject.accepts("a@evil"));
  CHECK(spec.revoked.identities[1].since == parse_rfc3339("2026-10-01T10:00:00Z").value());
}

TEST_CASE("what a TrustPolicy leaves out asks for the least") {
  const TrustPolicySpec spec =
      parse(kHeader + "spec:\n  images: [r.io/a]\n  authorities:\n    - key: {file: /k}\n");
  CHECK(spec.mode == TrustPolicySpec::Mode::kEnforce);
  CHECK(spec.quorum == TrustPolicySpec::Quorum::kAny);
  CHECK_FALSE(spec.signed_reference);
  CHECK_FALSE(spec.revoked.signed_after);
}

TEST_CASE("what an API server adds to a TrustPolicy is passed over") {
  parse(R"({"apiVersion":"kintsugi.dev/v1alpha1","kind":"TrustPolicy",
            "metadata":{"name":"a","uid":"u","managedFields":[{"x":1}]},
            "spec":{"images":["r.io/**"],"authorities":[{"key":{"file":"/k"}}]},"status":{"anything":true}})");
}

namespace {

struct Mistake {
  const char* text;  ///< DIGEST stands for some digest
  const char* expected;
};

void check_mistakes(const std::string& before, std::span<const Mistake> mistakes,
                    const std::string& after = {}) {
  const std::string placeholder = "DIGEST";
  for (const Mistake& mistake : mistakes) {
    std::string yaml = before + mistake.text + after;
    for (std::size_t at = yaml.find(placeholder); at != yaml.npos; at = yaml.find(placeholder))
      yaml.replace(at, placeholder.size(), "sha256:" + std::string(64, 'a'));
    INFO(yaml);
    std::string problem;
    parse(yaml, problem);
    CHECK_THAT(problem, Catch::Contains(mistake.expected));
  }
}

const std::string kImages = "spec:\n  images: [r.io/a]\n";
const std::string kGood = kImages + "  authorities:\n    - key: {file: /k}\n";

}  // namespace

TEST_CASE("a mistake in the head of a TrustPolicy is named with its place") {
  const Mistake documents[] = {
      {"[]", "object"},
      {"{}", "apiVersion"},
  };
  const Mistake heads[] = {
      {"apiVersion: v1\nkind: TrustPolicy\nmetadata: {name: a}\n", "a.yaml:1:13: apiVersion: expected"},
      {"apiVersion: kintsugi.dev/v1alpha1\nkind: Playbook\nmetadata: {name: a}\n",
       "a.yaml:2:7: kind: expected"},
      {"apiVersion: kintsugi.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {}\n", "'name' is missing"},
      {"apiVersion: kintsugi.dev/v1alpha1\nkind: TrustPolicy\n", "metadata"},
  };
  check_mistakes("", documents);
  check_mistakes("", heads, kGood);
}

TEST_CASE("a mistake in what a TrustPolicy is about is named with its place") {
  const Mistake specs[] = {
      {"", "spec"},
      {"spec: {}\n", "images"},
      {"spec:\n  image: [r.io/a]\n  authorities:\n    - key: {file: /k}\n", "did you mean 'images'?"},
      {"spec:\n  images: []\n  authorities:\n    - key: {file: /k}\n", "a policy for no image"},
      {"spec:\n  images: r.io/a\n  authorities:\n    - key: {file: /k}\n", "images"},
      {"spec:\n  images: [nginx]\n  authorities:\n    - key: {file: /k}\n", "docker.io/library/nginx"},
      {"spec:\n  images: ['r.io/a:1']\n  authorities:\n    - key: {file: /k}\n", "a tag has no place"},
  };
  check_mistakes(kHeader, specs);
}

TEST_CASE("a mistake in a TrustPolicy's authorities is named with its place") {
  const Mistake authorities[] = {
      {"", "authorities"},
      {"  authorities: []\n", "nobody may sign"},
      {"  authorities: [{}]\n", "exactly one of 'key', 'openpgp', 'keyless' and 'certificate'"},
      {"  authorities:\n    - key: {file: /k}\n      keyless: {issuer: a, subject: b}\n",
       "a.yaml:7:7: spec.authorities[0]: exactly one"},
      {"  authorities:\n    - openpgp: {file: /k}\n",
       "a.yaml:7:16: spec.authorities[0].openpgp: signs lists of checksums of files, and this policy selects "
       "none"},
      {"  authorities:\n    - openpgp: {}\n", "exactly one of 'inline'"},
      {"  authorities:\n    - openpgp: {file: k}\n", "absolute"},
      {"  authorities:\n    - openpgp: {file: /k}\n      key: {file: /k}\n", "exactly one of 'key'"},
      {"  authorities:\n    - key: {}\n", "exactly one of 'inline', 'file', 'configMapRef' and 'secretRef'"},
      {"  authorities:\n    - key: {file: /k, inline: x}\n", "exactly one of"},
      {"  authorities:\n    - key: {file: k}\n", "absolute"},
      {"  authorities:\n    - key: {path: /k}\n", "unknown key 'path'"},
      {"  authorities:\n    - key: {configMapRef: {}}\n", "name"},
      {"  authorities:\n    - key: {secretRef: {key: a}}\n", "name"},
      {"  authorities:\n    - key: {secretRef: {name: a}, file: /k}\n", "exactly one of"},
      {"  authorities:\n    - key: {configMapRef: {name: a, namespace: b}}\n", "namespace"},
      {"  authorities:\n    - keyless: {issuer: a}\n", "subject"},
      {"  authorities:\n    - keyless: {issuer: a, subjectRegExp: b}\n", "subjectRegExp"},
      {"  authorities:\n    - keyless: {issuer: a, subject: b, subjectPattern: c}\n",
       "exactly one of 'subject' and 'subjectPattern'"},
      {"  authorities:\n    - keyless: {issuer: a, subject: ''}\n", "is empty"},
      {"  authorities:\n    - certificate: {subject: a}\n", "chain"},
      {"  authorities:\n    - certificate: {chain: {file: /a}}\n", "exactly one of 'subject'"},
      {"  authorities:\n    - certificate: {chain: {file: /a}, subject: a, issuer: b}\n",
       "unknown key 'issuer'"},
      {"  authorities:\n    - keyless: {issuer: a, subjectPattern: '('}\n", "RE2"},
      {"  authorities:\n    - keyless: {issuer: a, subjectPattern: '(?=a)'}\n", "RE2"},
      {"  authorities:\n    - keyless: {issuer: a, subject: b, claims: {workflow: c}}\n",
       "unknown claim 'workflow'"},
      {"  authorities:\n    - keyless: {issuer: a, subject: b, trustedRoots: []}\n", "one to 8 are needed"},
      {"  authorities:\n    - keyless: {issuer: a, subject: b, trustedRoots: [{}]}\n",
       "trustedRoots[0]: exactly one"},
  };
  check_mistakes(kHeader + kImages, authorities);
}

TEST_CASE("a mistake in what else a TrustPolicy asks for is named with its place") {
  const Mistake members[] = {
      {"  autorities: []\n", "did you mean 'authorities'?"},
      {"  mode: dry\n", "mode"},
      {"  signatureRepository: 's.io/a:1'\n", "signatureRepository"},
      {"  signatureRepository: 's.io/*'\n", "signatureRepository"},
      {"  signatureRepository: s.io\n", "signatureRepository"},
      {"  require: [any]\n", "require"},
      {"  require: none\n", "require"},
      {"      annotations: [a]\n", "annotations"},
      {"      annotations: {a: 1}\n", "annotations"},
      {"  signedReference: {}\n", "'match' is required"},
      {"  signedReference: {match: exact}\n", "match"},
      {"  signedReference: {match: repository, remap: [{prefix: m.io}]}\n", "signedPrefix"},
      {"  signedReference: {match: repository, remap: [{prefix: 'm.io/*', signedPrefix: r.io}]}\n",
       "not the beginning of an image's name"},
      {"  signedReference: {match: repository, remap: [{prefix: 'm.io/a:1', signedPrefix: r.io}]}\n",
       "not the beginning of an image's name"},
      {"  pinnedDigests: {}\n", "pinnedDigests"},
      {"  pinnedDigests: [{image: r.io/a}]\n", "digest"},
      {"  pinnedDigests: [{image: r.io/a, digest: 'sha256:a'}]\n", "pinnedDigests[0].digest"},
      {"  pinnedDigests: [{image: r.io/b, digest: 'DIGEST'}]\n", "is not selected"},
      {"  pinnedDigests: [{image: 'r.io/a@DIGEST', digest: 'DIGEST'}]\n", "a name with a tag is needed"},
      {"  pinnedDigests: [{image: r.io/a, digest: 'DIGEST'}, {image: 'r.io/a:latest', digest: 'DIGEST'}]\n",
       "pinnedDigests[1].image: is pinned already"},
      {"  revoked: {identities: [{issuer: https://a}]}\n", "subject"},
      {"  revoked: {identities: [{subject: a, subjectPattern: b}]}\n", "exactly one of"},
      {"  revoked: {identities: [{subject: a, since: yesterday}]}\n", "since"},
      {"  revoked: {signedAfter: '2026-13-01T00:00:00Z'}\n", "signedAfter"},
      {"  revoked: {signedAfter: 5}\n", "signedAfter"},
      {"  revoked: {digests: [sha512:a]}\n", "not a sha256 digest"},
      {"  revoked: {keys: [abc]}\n", "not a sha256 digest"},
      {"  revoked: {digest: []}\n", "did you mean 'digests'?"},
      {"  modes: warn\n", "unknown key 'modes'"},
      {"extra: 1\n", "unknown key 'extra'"},
  };
  check_mistakes(kHeader + kGood, members);
}

TEST_CASE("keys come from the text, a ConfigMap or a Secret, and are told apart when revoked") {
  const SigningKey first;
  const SigningKey second;
  TrustPolicySpec spec = with_key(first.pem());
  AuthoritySpec other = spec.authorities.front();
  other.key = {GENERATE(TextReference::Source::kConfigMap, TextReference::Source::kSecret), "keys", "b.pub"};
  spec.authorities.push_back(other);
  const ObjectTextReader reader = [&](const TextReference& reference) -> Result<std::string> {
    CHECK(reference.source == other.key.source);
    CHECK(reference.text == "keys");
    CHECK(reference.key == "b.pub");
    return second.pem();
  };
  TrustPolicy policy = resolve_references(spec, reader);
  CHECK_FALSE(policy.defect);
  REQUIRE(policy.authorities.size() == 2);
  CHECK_FALSE(policy.authorities[1].is_key_revoked);
  spec.revoked.keys = {public_key_of(second).id()};
  policy = resolve_references(spec, reader);
  REQUIRE(policy.authorities.size() == 2);
  CHECK(policy.authorities[0].key->id() == public_key_of(first).id());
  CHECK_FALSE(policy.authorities[0].is_key_revoked);
  CHECK(policy.authorities[1].is_key_revoked);
}

TEST_CASE("a key that cannot be had is a defect of the policy, which still selects") {
  TrustPolicySpec spec = with_key("no key");
  CHECK_THAT(resolve_references(spec, no_objects).defect->to_string(),
             Catch::Contains("TrustPolicy release"));
  spec.authorities.front().key = {TextReference::Source::kFile, "/nonexistent/key.pub", ""};
  CHECK(resolve_references(spec, no_objects).defect);
  spec.authorities.front().key = {TextReference::Source::kConfigMap, "keys", "a"};
  const TrustPolicy policy = resolve_references(spec, no_objects);
  CHECK(policy.defect);
  CHECK(policy.authorities.empty());
  CHECK(policy.spec.selects(ImageReference::parse("r.io/a").value()));
  CHECK(resolve_references(with_key(SigningKey("secp256k1").pem()), no_objects).defect->reason ==
        reason::kUnsupportedKey);
}

TEST_CASE("the hash of a policy changes with whatever a verdict depends on") {
  const SigningKey key;
  const TrustPolicySpec base = with_key(key.pem());
  const std::string hash = resolve_references(base, no_objects).hash;
  CHECK(resolve_references(base, no_objects).hash == hash);
  TrustPolicySpec der = base;
  der.authorities.front().key.text = key.der();
  CHECK(resolve_references(der, no_objects).hash == hash);
  std::vector<TrustPolicySpec> changed(19, base);
  changed[0].name = "other";
  changed[1].images.push_back(ImageGlob::parse("s.io/**").value());
  changed[2].authorities.front().key.text = SigningKey().pem();
  changed[3].revoked.digests = {Digest::of("x")};
  changed[4].revoked.keys = {public_key_of(key).id()};
  changed[5].mode = TrustPolicySpec::Mode::kWarn;
  changed[6].quorum = TrustPolicySpec::Quorum::kAll;
  changed[7].authorities.front().annotations = {{"a", "b"}};
  changed[8].signed_reference.emplace();
  changed[9].signed_reference = SignedReferenceRule{{{"m.io", "r.io"}}};
  changed[10].pinned_digests = {{ImageReference::parse("r.io/a:1").value(), Digest::of("x")}};
  changed[11].pinned_digests = {{ImageReference::parse("r.io/a:1").value(), Digest::of("y")}};
  changed[12].revoked.signed_after = WallTime{};
  changed[13].revoked.identities = {{std::nullopt, TextRule::exactly("a"), std::nullopt}};
  changed[14].revoked.identities = {{std::nullopt, TextRule::exactly("a"), WallTime{}}};
  changed[15].revoked.identities = {{TextRule::exactly("i"), TextRule::exactly("a"), std::nullopt}};
  changed[16].freshness.emplace();
  changed[17].freshness.emplace();
  changed[17].freshness->minimum_version = "1.0.0";
  changed[18].signature_repository = ImageReference::parse("s.io/sigs").value();
  std::set<std::string> hashes = {hash};
  for (const TrustPolicySpec& spec : changed) hashes.insert(resolve_references(spec, no_objects).hash);
  CHECK(hashes.size() == changed.size() + 1);
}

TEST_CASE("trusted roots come from the policy, else from the configuration") {
  const std::string path = "trust/testdata/images/keyless/trusted_root.json";
  const auto configured = read_trusted_roots({path});
  REQUIRE(configured);
  TrustPolicySpec spec;
  AuthoritySpec authority;
  authority.kind = AuthoritySpec::Kind::kKeyless;
  spec.authorities = {authority};
  const auto roots_of = [&] { return resolve_references(spec, no_objects, *configured); };
  CHECK(roots_of().authorities.front().roots == configured->roots);
  CHECK(resolve_references(spec, no_objects).authorities.front().roots->empty());
  CHECK(resolve_references(spec, no_objects).hash != roots_of().hash);

  spec.authorities.front().trusted_roots = {{TextReference::Source::kFile, path, ""}};
  CHECK(roots_of().authorities.front().roots != configured->roots);
  CHECK(roots_of().authorities.front().roots->size() == 1);
  CHECK_FALSE(roots_of().defect);
  spec.authorities.front().trusted_roots.push_back({TextReference::Source::kInline, "{}", ""});
  CHECK(roots_of().defect->reason == reason::kTrustedRootInvalid);
  CHECK_FALSE(read_trusted_roots({path, "/nonexistent"}));
}
