// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/blob_evaluation.h"

#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "base/time.h"
#include "trust/crypto/reasons.h"
#include "trust/sigstore/blob_signature.h"
#include "trust/testing/cosign.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;

namespace {

const std::string kContent = "a golden image";
const WallTime kNow = parse_rfc3339("2026-11-22T12:00:00Z").value();

/// A policy as it is written, for files below /golden, by the keys.
TrustPolicy policy_of(const std::string& name, const std::vector<const SigningKey*>& keys,
                      const std::string& more = {},
                      const std::string& images = R"("file:///golden/**","registry.example.com/**")") {
  std::string text = R"({"apiVersion":"kintsugi.dev/v1alpha1","kind":"TrustPolicy","metadata":{"name":")" +
                     name + R"("},"spec":{"images":[)" + images + R"(],"authorities":[)";
  for (const SigningKey* key : keys) {
    if (key != keys.front()) text += ',';
    std::string pem = key->pem();
    for (std::size_t at = 0; (at = pem.find('\n', at)) != std::string::npos;) pem.replace(at, 1, "\\n");
    text += R"({"key":{"inline":")" + pem + "\"}}";
  }
  text += "]" + more + "}}";
  ProblemList problems("policy");
  auto spec = parse_trust_policy(parse_json_document(text).value(), problems);
  INFO((problems.empty() ? "" : problems.to_error().to_string()));
  REQUIRE(problems.empty());
  return resolve_references(std::move(spec), nullptr);
}

Bundle bundle(const std::string& text) {
  auto parsed = parse_bundle(text);
  REQUIRE(parsed);
  return std::move(*parsed);
}

/// The verdict about the content at a place, with these bundles.
Verdict judge(const std::vector<TrustPolicy>& policies, const std::vector<std::string>& bundles,
              const std::string& location = "/golden/web.qcow2", const std::string& content = kContent) {
  std::vector<FileSignature> parsed;
  for (const std::string& text : bundles) parsed.push_back(bundle(text));
  const auto place = FileLocation::parse(location).value();
  const Artifact artifact{Digest::of(content)};
  return judge_blob({place, artifact, parsed}, policies, kNow);
}

std::string statement_about(const std::string& content, const std::string& predicate) {
  std::string statement = cosign_statement(Digest::of(content));
  const std::string usual = "https://sigstore.dev/cosign/sign/v1";
  return statement.replace(statement.find(usual), usual.size(), predicate);
}

}  // namespace

TEST_CASE("a file that one of the policy's authorities signed is accepted") {
  const SigningKey other, key;
  const std::vector<TrustPolicy> policies = {policy_of("golden", {&other, &key})};
  const bool is_statement = GENERATE(false, true);
  const std::string text =
      is_statement ? keyed_bundle(key, cosign_statement(Digest::of(kContent))) : blob_bundle(key, kContent);
  const Verdict verdict = judge(policies, {text});
  INFO(verdict.message);
  REQUIRE(verdict.accepted);
  CHECK(verdict.reason == reason::kVerified);
  CHECK(verdict.image == "file:///golden/web.qcow2");
  CHECK(verdict.digest == Digest::of(kContent));
  CHECK(verdict.policy == "golden");
  REQUIRE(verdict.proofs.size() == 1);
  CHECK(verdict.proofs[0].authority == "authorities[1]");
  CHECK(verdict.proofs[0].key_id == public_key_of(key).id());
  CHECK(verdict.checked == kNow);
  CHECK(claimed_digest(bundle(text)) == Digest::of(kContent));
}

TEST_CASE("what is not signed, or otherwise, is refused by its reason") {
  const SigningKey key, other;
  const std::vector<TrustPolicy> policies = {policy_of("golden", {&key})};
  const std::string about_this = cosign_statement(Digest::of(kContent));
  const std::pair<std::vector<std::string>, const char*> rows[] = {
      {{}, reason::kNoSignature},
      {{blob_bundle(other, kContent)}, reason::kKeyMismatch},
      {{blob_bundle(key, "another image")}, reason::kKeyMismatch},
      {{keyed_bundle(key, cosign_statement(Digest::of("another")))}, reason::kDigestNotSigned},
      {{keyed_bundle(other, about_this)}, reason::kKeyMismatch},
      {{keyed_bundle(key, about_this, "text/plain")}, reason::kPayloadMalformed},
      {{keyed_bundle(key, statement_about(kContent, "https://slsa.dev/provenance/v1"))},
       reason::kPredicateMismatch},
  };
  for (const auto& [bundles, expected] : rows) {
    const Verdict verdict = judge(policies, bundles);
    INFO(verdict.message);
    CHECK_FALSE(verdict.accepted);
    CHECK(verdict.reason == expected);
    CHECK(verdict.proofs.empty());
    CHECK(verdict.equivalents.empty());
    CHECK_FALSE(verdict.retryable);
  }
}

TEST_CASE("a good bundle is found among others, and the nearest refusal is told") {
  const SigningKey key, other;
  const std::vector<TrustPolicy> policies = {policy_of("golden", {&key})};
  CHECK(judge(policies, {blob_bundle(other, kContent), blob_bundle(key, kContent)}).accepted);
  CHECK(judge(policies,
              {blob_bundle(other, kContent), keyed_bundle(key, cosign_statement(Digest::of("another")))})
            .reason == reason::kDigestNotSigned);
}

TEST_CASE("only policies with a glob for the place have a say, and there has to be one") {
  const SigningKey key;
  const std::string good = blob_bundle(key, kContent);
  for (const auto& [images, location, expected] : std::vector<std::tuple<std::string, std::string, bool>>{
           {R"("file:///golden/**")", "/golden/web.qcow2", true},
           {R"("file:///golden/**")", "/other/web.qcow2", false},
           {R"("**")", "/golden/web.qcow2", false},
           {R"("*/**")", "/golden/web.qcow2", false},
           {R"("https://images.example.com/*")", "https://images.example.com/web.qcow2", true},
           {R"("https://images.example.com/*")", "http://images.example.com/web.qcow2", false},
           {R"("**","https://images.example.com/*")", "https://images.example.org/web.qcow2", false},
       }) {
    INFO(images << " " << location);
    const Verdict verdict = judge({policy_of("golden", {&key}, "", images)}, {good}, location);
    CHECK(verdict.accepted == expected);
    CHECK(verdict.reason == (expected ? reason::kVerified : reason::kNoMatchingPolicy));
  }
  CHECK(judge({}, {good}).reason == reason::kNoMatchingPolicy);
}

TEST_CASE("every policy that enforces has to be content; one in mode warn only tells") {
  const SigningKey key, other;
  const std::string good = blob_bundle(key, kContent);
  const TrustPolicy accepts = policy_of("accepts", {&key}), refuses = policy_of("refuses", {&other});
  const TrustPolicy warns = policy_of("warns", {&other}, R"(,"mode":"warn")");
  const Verdict both = judge({accepts, refuses}, {good});
  CHECK(both.reason == reason::kKeyMismatch);
  CHECK(both.policy == "refuses");
  const Verdict warned = judge({warns, accepts}, {good});
  CHECK(warned.accepted);
  CHECK(warned.policy == "accepts");
  REQUIRE(warned.warnings.size() == 1);
  CHECK_THAT(warned.warnings[0], Catch::StartsWith("policy warns would refuse it: KeyMismatch"));
  CHECK(judge({warns}, {good}).reason == reason::kNoMatchingPolicy);
  CHECK(judge({policy_of("warns", {&key}, R"(,"mode":"warn")")}, {good}).reason == reason::kNoMatchingPolicy);
}

TEST_CASE("where all authorities are needed, each has to have signed the file") {
  const SigningKey build, review;
  const std::vector<TrustPolicy> policies = {policy_of("both", {&build, &review}, R"(,"require":"all")")};
  const Verdict one = judge(policies, {blob_bundle(build, kContent)});
  CHECK(one.reason == reason::kKeyMismatch);
  CHECK_THAT(one.message, Catch::Contains("not signed by authorities[1]"));
  const Verdict both = judge(policies, {blob_bundle(review, kContent), blob_bundle(build, kContent)});
  CHECK(both.accepted);
  CHECK(both.proofs.size() == 2);
  CHECK_FALSE(judge(policies, {blob_bundle(build, kContent), blob_bundle(build, kContent)}).accepted);
}

TEST_CASE("what is revoked does not count, whoever signed it") {
  const SigningKey key;
  const std::string good = blob_bundle(key, kContent);
  const auto reason_with = [&](const std::string& revoked) {
    return judge({policy_of("golden", {&key}, R"(,"revoked":)" + revoked)}, {good}).reason;
  };
  CHECK(reason_with(R"({"digests":[")" + Digest::of(kContent).text() + R"("]})") == reason::kDigestRevoked);
  CHECK(reason_with(R"({"keys":[")" + public_key_of(key).id() + R"("]})") == reason::kKeyRevoked);
  CHECK(reason_with(R"({"signedAfter":"2026-11-01T00:00:00Z"})") == reason::kSignedAfterRevocation);
  CHECK(reason_with(R"({"digests":[")" + Digest::of("another").text() + R"("]})") == reason::kVerified);
}

TEST_CASE("a pinned file is accepted without a signature, and no other at its place") {
  const SigningKey key;
  const std::string digest = Digest::of(kContent).text();
  const std::string pin = R"({"image":"file:///golden/web.qcow2","digest":")" + digest + "\"}";
  const std::vector<TrustPolicy> policies = {policy_of("pins", {&key}, R"(,"pinnedDigests":[)" + pin + "]")};
  const Verdict verdict = judge(policies, {});
  CHECK(verdict.accepted);
  CHECK(verdict.reason == reason::kPinned);
  CHECK(judge(policies, {}, "/golden/web.qcow2", "another").reason == reason::kNoSignature);
  CHECK(judge(policies, {}, "/golden/other.qcow2").reason == reason::kNoSignature);
  CHECK(pinned_digest(policies, *FileLocation::parse("/golden/web.qcow2")) == Digest::of(kContent));
  CHECK_FALSE(pinned_digest(policies, *FileLocation::parse("/golden/other.qcow2")));
  const TrustPolicy wants_signature = policy_of("signed", {&key});
  CHECK(judge({policies[0], wants_signature}, {}).reason == reason::kNoSignature);
  const TrustPolicy revokes = policy_of(
      "pins", {&key}, R"(,"pinnedDigests":[)" + pin + R"(],"revoked":{"digests":[")" + digest + R"("]})");
  CHECK(judge({revokes}, {}).reason == reason::kDigestRevoked);
}

TEST_CASE("what a file cannot have is refused where a policy asks for it, and never passed over") {
  const SigningKey key;
  const std::string good = blob_bundle(key, kContent);
  const std::pair<const char*, const char*> rows[] = {
      {R"(,"attestations":[{"predicateType":"cyclonedx"}])", reason::kAttestationMissing},
      {R"(,"freshness":{"maximumAge":"30d"})", reason::kAgeUnknown},
      {R"(,"signedReference":{"match":"repository"})", reason::kReferenceMismatch},
      {R"(,"signatureRepository":"registry.example.com/signatures")", reason::kNoSignature},
  };
  for (const auto& [more, expected] : rows) {
    INFO(more);
    CHECK(judge({policy_of("golden", {&key}, more)}, {good}).reason == expected);
  }
  TrustPolicySpec spec = policy_of("golden", {&key}).spec;
  spec.authorities.front().annotations = {{"stage", "release"}};
  CHECK(judge({resolve_references(spec, nullptr)}, {good}).reason == reason::kAnnotationMismatch);
  spec.authorities.front().key = {TextReference::Source::kFile, "/nonexistent", {}};
  CHECK(judge({resolve_references(spec, nullptr)}, {good}).reason == reason::kPolicyInvalid);
}

TEST_CASE("a bundle that could not be had is no judgement of the file") {
  const SigningKey key;
  const auto place = FileLocation::parse("/golden/web.qcow2").value();
  const Artifact artifact{Digest::of(kContent)};
  const Error trouble = make_error(ErrorCode::kUnavailable, "no connection").because("SourceUnavailable");
  const std::vector<TrustPolicy> policies = {policy_of("golden", {&key})};
  const Verdict verdict = judge_blob({place, artifact, {}, trouble}, policies, kNow);
  CHECK_FALSE(verdict.accepted);
  CHECK(verdict.retryable);
  CHECK(verdict.reason == "SourceUnavailable");
}

TEST_CASE("a keyless bundle is accepted for whom the policy names only") {
  const std::string data = "trust/testdata/conformance/", blob = data + "cosign-v3-blob/";
  const auto judge_for = [&](const std::string& subject, const std::string& more) {
    const std::string text =
        R"({"apiVersion":"kintsugi.dev/v1alpha1","kind":"TrustPolicy","metadata":{"name":"keyless"},"spec":{
            "images":["https://h.example.com/**"],"authorities":[{"keyless":{
            "issuer":"https://github.com/login/oauth","subject":")" +
        subject + R"("}}])" + more + "}}";
    ProblemList problems("policy");
    auto spec = parse_trust_policy(parse_json_document(text).value(), problems);
    REQUIRE(problems.empty());
    const auto roots = read_trusted_roots({data + "roots/public-good.json"});
    REQUIRE(roots);
    return judge({resolve_references(std::move(spec), nullptr, *roots)},
                 {read_file(blob + "bundle.sigstore.json", 1u << 20).value()}, "https://h.example.com/a.bin",
                 read_file(blob + "artifact", 1u << 20).value());
  };
  const Verdict verdict = judge_for("w.vollprecht@gmail.com", "");
  INFO(verdict.message);
  REQUIRE(verdict.accepted);
  CHECK(verdict.proofs[0].subject == "w.vollprecht@gmail.com");
  CHECK_FALSE(verdict.proofs[0].logs.empty());
  CHECK(judge_for("somebody@example.com", "").reason == reason::kIdentityMismatch);
  CHECK(judge_for("w.vollprecht@gmail.com",
                  R"(,"revoked":{"identities":[{"subject":"w.vollprecht@gmail.com"}]})")
            .reason == reason::kIdentityRevoked);
}

namespace {

Verdict judge_bare(const TrustPolicy& policy, const std::string& signature,
                   const std::string& content = kContent) {
  const std::vector<FileSignature> signatures = {DetachedSignature{signature}};
  const auto place = FileLocation::parse("/golden/web.qcow2").value();
  const Artifact artifact{Digest::of(content)};
  return judge_blob({place, artifact, signatures}, {&policy, 1}, kNow);
}

}  // namespace

TEST_CASE("a bare signature by one of the policy's keys is accepted over its digest") {
  const SigningKey key(GENERATE("P-256", "RSA-2048")), other;
  const TrustPolicy policy = policy_of("golden", {&other, &key});
  for (const std::string& text : {key.sign(kContent), base64_encode(key.sign(kContent)) + "\n"}) {
    const Verdict verdict = judge_bare(policy, text);
    INFO(verdict.message);
    REQUIRE(verdict.accepted);
    CHECK(verdict.proofs.front().key_id == public_key_of(key).id());
    CHECK(verdict.proofs.front().authority == "authorities[1]");
  }
}

TEST_CASE("a bare signature that does not count is refused by its reason") {
  const SigningKey key, other, ed25519("ED25519");
  const std::string good = base64_encode(key.sign(kContent)), by_revoked = public_key_of(key).id();
  const TrustPolicy policy = policy_of("golden", {&key});
  CHECK(judge_bare(policy, base64_encode(other.sign(kContent))).reason == reason::kKeyMismatch);
  CHECK(judge_bare(policy, good, "another image").reason == reason::kKeyMismatch);
  CHECK(judge_bare(policy, good.substr(4)).reason == reason::kSignatureInvalid);
  CHECK(judge_bare(policy, " " + good).reason == reason::kSignatureInvalid);
  CHECK(judge_bare(policy, blob_bundle(key, kContent)).reason == reason::kSignatureInvalid);
  CHECK(judge_bare(policy_of("golden", {&ed25519}), ed25519.sign(kContent)).reason == reason::kContentNeeded);
  CHECK(judge_bare(policy_of("golden", {&key}, R"(,"revoked":{"keys":[")" + by_revoked + "\"]}"), good)
            .reason == reason::kKeyRevoked);
  CHECK(judge_bare(policy_of("golden", {&key}, R"(,"revoked":{"signedAfter":"2026-01-01T00:00:00Z"})"), good)
            .reason == reason::kSignedAfterRevocation);
  CHECK_FALSE(judge_bare(policy_of("golden", {&key, &other}, R"(,"require":"all")"), good).accepted);
}

TEST_CASE("a bare signature names nobody, whatever a keyless policy asks for") {
  const SigningKey key;
  TrustPolicySpec spec = policy_of("golden", {&key}).spec;
  spec.authorities.front().kind = AuthoritySpec::Kind::kKeyless;
  const Verdict verdict =
      judge_bare(resolve_references(std::move(spec), nullptr), base64_encode(key.sign(kContent)));
  CHECK_FALSE(verdict.accepted);
  CHECK(verdict.reason == reason::kIdentityMismatch);
  CHECK_THAT(verdict.message, Catch::Contains("bare signature"));
}

TEST_CASE("what is judged is known before the content, or asked for of this host's files only") {
  const SigningKey key;
  const auto here = FileLocation::parse("/golden/web.qcow2").value();
  const auto elsewhere = FileLocation::parse("https://images.example.com/web.qcow2").value();
  const std::vector<FileSignature> bundles = {bundle(blob_bundle(key, kContent))};
  const std::vector<FileSignature> bare = {DetachedSignature{"MEUC"}};
  const std::vector<TrustPolicy> policies = {policy_of("golden", {&key})};
  CHECK(digest_in_question(policies, here, bundles).value() == Digest::of(kContent));
  CHECK(digest_in_question(policies, elsewhere, bundles).value() == Digest::of(kContent));
  CHECK(digest_in_question(policies, here, bare).value() == std::nullopt);
  const auto refused = digest_in_question(policies, elsewhere, bare);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == reason::kContentNeeded);
  CHECK_FALSE(refused.error().retryable);
  CHECK_THAT(refused.error().advice, Catch::Contains("bundle"));
}

TEST_CASE("a digest is claimed by what names exactly one") {
  const SigningKey key;
  CHECK(claimed_digest(bundle(read_file("trust/testdata/blobs/p384.sigstore.json", 1u << 20).value()))
            .has_value() == false);
  CHECK(claimed_digest(bundle(read_file("trust/testdata/blobs/ed25519.sigstore.json", 1u << 20).value()))
            .error()
            .reason == reason::kContentNeeded);
  std::string two = cosign_statement(Digest::of("a"));
  const std::string subject = R"({"digest":{"sha256":")" + std::string(Digest::of("b").hex()) + "\"}},";
  two.insert(two.find("[{") + 1, subject);
  CHECK(claimed_digest(bundle(keyed_bundle(key, two))).error().reason == reason::kContentNeeded);
  CHECK_FALSE(claimed_digest(bundle(keyed_bundle(key, "{}"))));
}
