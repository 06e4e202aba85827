// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/image_signature.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <iostream>
#include <vector>

#include "base/encoding.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/cosign.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using testing::cosign_payload;
using testing::cosign_statement;
using testing::keyed_bundle;
using testing::public_key_of;

namespace {

const Digest kImage = Digest::of("image");

ImageSignature of_layer(const std::string& payload, const std::string& signature) {
  return signature_of_layer({Digest::of(payload), payload.size(), signature, {}}, payload);
}

Result<ImageSignature> of_bundle(const std::string& json) {
  auto bundle = parse_bundle(json);
  if (!bundle) return fail(std::move(bundle).error());
  return signature_of_bundle(std::move(*bundle));
}

/// Both layouts with what `key` signs for `image`.
std::vector<ImageSignature> both_layouts(const SigningKey& key, const Digest& image) {
  const std::string payload = cosign_payload(image);
  return {of_layer(payload, key.sign(payload)),
          of_bundle(keyed_bundle(key, cosign_statement(image))).value()};
}

std::string reason_of(const ImageSignature& signature, const SigningKey& key) {
  const std::vector<PublicKey> keys = {public_key_of(key)};
  const auto verified = verify_signature(signature, keys, kImage);
  return verified ? "good" : verified.error().reason;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a signature over the image's digest by one of the keys is good, in both layouts") {
  const SigningKey signer;
  const std::vector<PublicKey> keys = {public_key_of(SigningKey()), public_key_of(signer)};
  for (const ImageSignature& signature : both_layouts(signer, kImage)) {
    const auto good = verify_signature(signature, keys, kImage);
    REQUIRE(good);
    CHECK(good->key == 1);
    CHECK(good->claims.images == std::vector{kImage});
    CHECK(good->claims.annotations.empty());
    CHECK(good->claims.docker_reference == (signature.envelope ? "" : "registry.example.com/shop/web"));
  }
}

TEST_CASE("an image that is one of several subjects is signed") {
  const SigningKey signer;
  const std::string statement = replaced(cosign_statement(kImage), "[{",
                                         R"([{"name":"x","digest":{"sha512":"00"}},{"digest":{"sha256":")" +
                                             std::string(Digest::of("other").hex()) + R"("}},{)");
  CHECK(reason_of(of_bundle(keyed_bundle(signer, statement)).value(), signer) == "good");
}

TEST_CASE("what was annotated is a claim of the signer") {
  const SigningKey signer;
  const std::vector<PublicKey> keys = {public_key_of(signer)};
  const std::string statement =
      replaced(cosign_statement(kImage), R"({"digest")", R"({"annotations":{"env":"prod","n":1},"digest")");
  const auto verified = verify_signature(of_bundle(keyed_bundle(signer, statement)).value(), keys, kImage);
  REQUIRE(verified);
  CHECK(verified->claims.annotations == Annotations{{"env", "prod"}});
}

TEST_CASE("a good signature over another image is refused as such, in both layouts") {
  const SigningKey signer;
  for (const ImageSignature& signature : both_layouts(signer, Digest::of("another image")))
    CHECK(reason_of(signature, signer) == reason::kDigestNotSigned);
}

TEST_CASE("a foreign key is told from altered bytes, in both layouts") {
  const SigningKey signer;
  for (const ImageSignature& signature : both_layouts(SigningKey(), kImage))
    CHECK(reason_of(signature, signer) == reason::kKeyMismatch);
  for (ImageSignature signature : both_layouts(signer, Digest::of("x"))) {
    signature.signature = both_layouts(signer, kImage)[signature.envelope ? 1 : 0].signature;
    CHECK(reason_of(signature, signer) == reason::kSignatureInvalid);
  }
}

TEST_CASE("no flipped bit of what is signed, or of the signature, goes through") {
  const SigningKey signer;
  for (const ImageSignature& signature : both_layouts(signer, kImage)) {
    REQUIRE(reason_of(signature, signer) == "good");
    for (std::size_t i = 0; i < signature.signed_bytes.size(); ++i) {
      ImageSignature flipped = signature;
      flipped.signed_bytes[i] = char(flipped.signed_bytes[i] ^ 1);
      CHECK(reason_of(flipped, signer) != "good");
    }
    for (std::size_t i = 0; i < signature.signature.size(); ++i) {
      ImageSignature flipped = signature;
      flipped.signature[i] = char(flipped.signature[i] ^ 1);
      CHECK(reason_of(flipped, signer) != "good");
    }
  }
}

TEST_CASE("an altered payload, with or without its form, is no signature") {
  const SigningKey signer;
  const std::string payload = cosign_payload(kImage);
  CHECK(reason_of(of_layer(payload + " ", signer.sign(payload)), signer) == reason::kSignatureInvalid);
  CHECK(reason_of(of_layer("", signer.sign(payload)), signer) == reason::kSignatureInvalid);
  CHECK(reason_of(of_layer("", signer.sign("")), signer) == reason::kPayloadMalformed);
}

TEST_CASE("what a key signed is refused when it is not cosign's signature over an image") {
  const SigningKey signer;
  const std::string statement = cosign_statement(kImage);
  struct Case {
    std::string name, payload, reason, type = "application/vnd.in-toto+json";
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"an attestation",
       replaced(statement, "https://sigstore.dev/cosign/sign/v1", "https://slsa.dev/provenance/v1"),
       reason::kPredicateMismatch},
      {"predicate type in capitals", replaced(statement, "cosign/sign", "Cosign/sign"),
       reason::kPredicateMismatch},
      {"predicate type with a slash", replaced(statement, "sign/v1", "sign/v1/"), reason::kPredicateMismatch},
      {"no predicate type",
       replaced(statement, R"("predicateType":"https://sigstore.dev/cosign/sign/v1",)", ""),
       reason::kPayloadMalformed},
      {"statement of another version", replaced(statement, "Statement/v1", "Statement/v2"),
       reason::kPayloadMalformed},
      {"no statement type", replaced(statement, R"("_type":"https://in-toto.io/Statement/v1",)", ""),
       reason::kPayloadMalformed},
      {"payload of another type", statement, reason::kPayloadMalformed, "application/json"},
      {"cosign's payload of the other layout", cosign_payload(kImage), reason::kPayloadMalformed},
      {"no subject", replaced(statement, R"("subject":[)", R"("subjects":[)"), reason::kPayloadMalformed},
      {"subjects that are no list",
       R"({"_type":"https://in-toto.io/Statement/v1","subject":{},"predicateType":"https://sigstore.dev/cosign/sign/v1"})",
       reason::kPayloadMalformed},
      {"subject without digest", replaced(statement, R"("digest")", R"("digests")"),
       reason::kPayloadMalformed},
      {"subject by another algorithm", replaced(statement, R"("sha256")", R"("sha512")"),
       reason::kDigestNotSigned},
      {"digest in capitals", replaced(statement, R"("sha256":")", R"("sha256":"F)"),
       reason::kPayloadMalformed},
      {"digest with its algorithm", replaced(statement, R"("sha256":")", R"("sha256":"sha256:)"),
       reason::kPayloadMalformed},
      {"digest twice", replaced(statement, R"({"sha256")", R"({"sha256":"00","sha256")"),
       reason::kPayloadMalformed},
      {"two documents", statement + statement, reason::kPayloadMalformed},
  }));
  INFO(c.name);
  const auto signature = of_bundle(keyed_bundle(signer, c.payload, c.type));
  REQUIRE(signature);
  CHECK(reason_of(*signature, signer) == c.reason);
}

TEST_CASE("what has not the form of a signature by any of the keys is said to be none") {
  const SigningKey signer;
  const std::vector<PublicKey> keys = {public_key_of(signer)};
  const std::string payload = cosign_payload(kImage);
  const std::string signature =
      GENERATE_COPY(std::string(64, 'r'), signer.sign(payload) + "x", SigningKey("RSA-2048").sign(payload));
  const auto verified = verify_signature(of_layer(payload, signature), keys, kImage);
  REQUIRE_FALSE(verified);
  CHECK(verified.error().reason == reason::kSignatureInvalid);
  CHECK_THAT(verified.error().message, Catch::Contains("form"));
}

TEST_CASE("no key means no good signature") {
  for (const ImageSignature& signature : both_layouts(SigningKey(), kImage))
    CHECK_FALSE(verify_signature(signature, {}, kImage));
}

TEST_CASE("a bundle over bytes is no signature of an image") {
  const auto signature = of_bundle(
      R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"x"}},"messageSignature":{"messageDigest":{},"signature":"AAAA"}})");
  REQUIRE_FALSE(signature);
  CHECK(signature.error().reason == reason::kUnsupportedLayout);
}

TEST_CASE("verification is cheap", "[.benchmark]") {
  const SigningKey signer;
  const std::vector<PublicKey> keys = {public_key_of(signer)};
  constexpr int kRounds = 5000;
  for (const ImageSignature& signature : both_layouts(signer, kImage)) {
    const auto start = std::chrono::steady_clock::now();
    int good = 0;
    for (int i = 0; i < kRounds; ++i) good += verify_signature(signature, keys, kImage) ? 1 : 0;
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::cout << int(kRounds / taken.count()) << " verifications/s\n";
    CHECK(good == kRounds);
  }
}
