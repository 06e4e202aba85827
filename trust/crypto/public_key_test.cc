// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/public_key.h"

#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "trust/crypto/digest.h"
#include "trust/crypto/hash.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/cosign.h"
#include "trust/testing/test_authority.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using testing::public_key_of;

namespace {

/// An INTEGER's content, so that r and s can be put together in wrong ways.
std::string integer(const std::string& content) {
  return std::string("\x02") + char(content.size()) + content;
}

std::string sequence(const std::string& content) {
  return std::string("\x30") + char(content.size()) + content;
}

}  // namespace

TEST_CASE("a key is the same from PEM and DER, and its id is the hash of the DER") {
  const SigningKey key;
  const auto pem = PublicKey::parse(key.pem());
  const auto der = PublicKey::parse(key.der());
  REQUIRE(pem);
  REQUIRE(der);
  CHECK(pem->id() == der->id());
  CHECK(pem->id() == Digest::of(key.der()).text());
  CHECK(pem->der() == key.der());
  CHECK(der->der() == key.der());
  CHECK(PublicKey::parse("\n" + key.pem() + "\n\n"));
}

TEST_CASE("keys of other kinds are refused by name") {
  const std::string kind =
      GENERATE("P-224", "secp256k1", "brainpoolP256r1", "X25519", "RSA-1024", "RSA-2040");
  INFO(kind);
  for (const std::string& text : {SigningKey(kind).pem(), SigningKey(kind).der()}) {
    const auto key = PublicKey::parse(text);
    REQUIRE_FALSE(key);
    CHECK(key.error().code == ErrorCode::kUnsupported);
    CHECK(key.error().reason == reason::kUnsupportedKey);
  }
}

TEST_CASE("what is not one public key is refused") {
  const SigningKey key;
  const std::string pem = key.pem();
  const std::string der = key.der();
  const std::string point_off_curve = der.substr(0, der.size() - 1) + char(der.back() ^ 1);
  const std::string text = GENERATE_COPY(values<std::string>(
      {"",
       "\n",
       "-----BEGIN PUBLIC KEY-----",
       pem.substr(0, pem.size() - 30),
       pem + "x",
       "x" + pem,
       "key:\n" + pem,
       pem + pem,
       pem + "-----BEGIN CERTIFICATE-----\n",
       "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
       "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n",
       "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n\n" + base64_encode(der) +
           "\n-----END PUBLIC KEY-----\n",
       "-----BEGIN RSA PUBLIC KEY-----\n" + base64_encode(der) + "\n-----END RSA PUBLIC KEY-----\n",
       "-----BEGIN CERTIFICATE-----\n" + base64_encode(der) + "\n-----END CERTIFICATE-----\n",
       base64_encode(der),
       "-----BEGIN PUBLIC KEY-----\n" + base64_encode(der + "x") + "\n-----END PUBLIC KEY-----\n",
       der + "x",
       "x" + der,
       der.substr(0, der.size() - 1),
       point_off_curve,
       std::string(70'000, 'a')}));
  INFO(text);
  CHECK_FALSE(PublicKey::parse(text));
}

TEST_CASE("an RSA key with an exponent that makes no key is refused") {
  std::string der = SigningKey("RSA-2048").der();
  REQUIRE(der.ends_with(std::string("\x02\x03\x01\x00\x01", 5)));
  CHECK(PublicKey::parse(der));
  der.back() = 2;
  const auto even = PublicKey::parse(der);
  REQUIRE_FALSE(even);
  CHECK(even.error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("a private key is refused without repeating it") {
  const auto key = PublicKey::parse("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n");
  REQUIRE_FALSE(key);
  CHECK_THAT(key.error().to_string(), Catch::Contains("private key"));
  CHECK_THAT(key.error().to_string(), !Catch::Contains("c2VjcmV0"));
}

TEST_CASE("a signature verifies by its key over its message, and by nothing else") {
  const SigningKey signer;
  const PublicKey key = public_key_of(signer);
  const std::string signature = signer.sign("message");
  CHECK(key.verify("message", signature));
  CHECK_FALSE(key.verify("Message", signature));
  CHECK_FALSE(key.verify("message ", signature));
  CHECK_FALSE(key.verify("", signature));
  CHECK_FALSE(public_key_of(SigningKey()).verify("message", signature));
  CHECK_FALSE(key.verify("message", ""));
}

TEST_CASE("each kind of key verifies what its signers write, and no other hash or padding") {
  using Padding = SigningKey::Padding;
  struct Case {
    std::string kind;
    const char* hash;
    Padding padding;
    bool good;
  };
  const auto c = GENERATE(values<Case>({
      {"P-256", "SHA256", Padding::kPkcs1, true},
      {"P-256", "SHA384", Padding::kPkcs1, false},
      {"P-256", "SHA1", Padding::kPkcs1, false},
      {"P-384", "SHA384", Padding::kPkcs1, true},
      {"P-384", "SHA256", Padding::kPkcs1, true},
      {"P-384", "SHA512", Padding::kPkcs1, false},
      {"P-521", "SHA512", Padding::kPkcs1, true},
      {"P-521", "SHA256", Padding::kPkcs1, true},
      {"P-521", "SHA384", Padding::kPkcs1, false},
      {"ED25519", "", Padding::kPkcs1, true},
      {"RSA-2048", "SHA256", Padding::kPkcs1, true},
      {"RSA-2048", "SHA256", Padding::kPss, true},
      {"RSA-2048", "SHA512", Padding::kPkcs1, false},
      {"RSA-2048", "SHA512", Padding::kPss, false},
      {"RSA-2048", "SHA1", Padding::kPkcs1, false},
      {"RSA-3072", "SHA256", Padding::kPss, true},
  }));
  INFO(c.kind << " " << c.hash << " " << int(c.padding));
  const SigningKey signer(c.kind);
  const PublicKey key = public_key_of(signer);
  const std::string signature = signer.sign("message", c.hash, c.padding);
  CHECK(key.is_signature(signature));
  CHECK(key.verify("message", signature) == c.good);
  CHECK_FALSE(key.verify("Message", signature));
  CHECK_FALSE(key.verify("message", signature + std::string(1, '\0')));
  CHECK_FALSE(key.verify("message", signature.substr(1)));
}

TEST_CASE("a signature of another kind of key has not even the form") {
  const std::vector<std::string> kinds{"P-256", "ED25519", "RSA-2048"};
  for (const std::string& signs : kinds) {
    const std::string signature = SigningKey(signs).sign("message");
    for (const std::string& verifies : kinds) {
      INFO(signs << " " << verifies);
      CHECK(public_key_of(SigningKey(verifies)).is_signature(signature) == (signs == verifies));
    }
  }
}

TEST_CASE("no signature with one bit flipped verifies") {
  const SigningKey signer(GENERATE("P-256", "P-384", "ED25519", "RSA-2048"));
  const PublicKey key = public_key_of(signer);
  const std::string signature = signer.sign("message");
  for (std::size_t i = 0; i < signature.size() * 8; ++i) {
    std::string flipped = signature;
    flipped[i / 8] = char(flipped[i / 8] ^ (1 << (i % 8)));
    INFO(i);
    CHECK_FALSE(key.verify("message", flipped));
  }
  for (std::size_t length = 0; length < signature.size(); ++length) {
    CHECK_FALSE(key.verify("message", signature.substr(0, length)));
  }
}

TEST_CASE("signatures in other than DER are no signatures") {
  const std::string one("\x01");
  REQUIRE(is_der_ecdsa_signature(sequence(integer(one) + integer(one))));
  struct Case {
    std::string name, bytes;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"empty", ""},
      {"empty sequence", sequence("")},
      {"one integer", sequence(integer(one))},
      {"three integers", sequence(integer(one) + integer(one) + integer(one))},
      {"trailing byte", sequence(integer(one) + integer(one)) + "x"},
      {"padded integer", sequence(integer(std::string("\0\x01", 2)) + integer(one))},
      {"negative integer", sequence(integer("\x81") + integer(one))},
      {"empty integer", sequence(integer("") + integer(one))},
      {"long form of a short length", std::string("\x30\x81\x06") + integer(one) + integer(one)},
      {"indefinite length", std::string("\x30\x80") + integer(one) + integer(one) + std::string("\0\0", 2)},
      {"wrong tag", "\x31" + sequence(integer(one) + integer(one)).substr(1)},
      {"P1363", std::string(64, '\x11')},
      {"hex", "3006020101020101"},
  }));
  INFO(c.name);
  CHECK_FALSE(is_der_ecdsa_signature(c.bytes));
}

TEST_CASE("the IEEE P1363 form of a good signature does not verify") {
  const SigningKey signer;
  const std::string der = signer.sign("message");
  std::string raw;
  for (std::size_t at = 2, i = 0; i < 2; ++i) {
    const std::size_t length = std::size_t(std::uint8_t(der[at + 1]));
    std::string value = der.substr(at + 2, length);
    if (value.size() == 33) value.erase(0, 1);
    raw += std::string(32 - value.size(), '\0') + value;
    at += 2 + length;
  }
  REQUIRE(raw.size() == 64);
  CHECK_FALSE(public_key_of(signer).verify("message", raw));
}

TEST_CASE("a signature verifies by the message's SHA-256 alone where its key takes one") {
  struct Case {
    std::string kind;
    const char* hash;
    SigningKey::Padding padding;
    bool good;
  };
  const auto c = GENERATE(values<Case>({
      {"P-256", "SHA256", SigningKey::Padding::kPkcs1, true},
      {"P-384", "SHA256", SigningKey::Padding::kPkcs1, true},
      {"P-384", "SHA384", SigningKey::Padding::kPkcs1, false},
      {"P-521", "SHA512", SigningKey::Padding::kPkcs1, false},
      {"RSA-2048", "SHA256", SigningKey::Padding::kPkcs1, true},
      {"RSA-2048", "SHA256", SigningKey::Padding::kPss, true},
      {"RSA-2048", "SHA512", SigningKey::Padding::kPkcs1, false},
      {"ED25519", "", SigningKey::Padding::kPkcs1, false},
  }));
  INFO(c.kind << " " << c.hash << " " << int(c.padding));
  const SigningKey signer(c.kind);
  const PublicKey key = public_key_of(signer);
  const std::string digest = sha256("message");
  const std::string signature = signer.sign("message", c.hash, c.padding);
  CHECK(key.verify_digest(digest, signature) == c.good);
  CHECK_FALSE(key.verify_digest(sha256("Message"), signature));
  CHECK_FALSE(key.verify_digest(digest.substr(1), signature));
  CHECK_FALSE(key.verify_digest(digest + "x", signature));
  CHECK_FALSE(key.verify_digest("", signature));
  CHECK_FALSE(key.verify_digest(digest, signature + "x"));
  CHECK_FALSE(key.verify_digest(digest, ""));
}

TEST_CASE("by a hash only those signatures verify that are over it") {
  struct Case {
    const char *kind, *hash;
    std::optional<HashAlgorithm> good;
  };
  const auto c = GENERATE(values<Case>({
      {"P-256", "SHA256", HashAlgorithm::kSha256},
      {"P-256", "SHA384", std::nullopt},
      {"P-256", "SHA512", std::nullopt},
      {"P-384", "SHA256", HashAlgorithm::kSha256},
      {"P-384", "SHA384", HashAlgorithm::kSha384},
      {"P-384", "SHA512", std::nullopt},
      {"P-521", "SHA256", HashAlgorithm::kSha256},
      {"P-521", "SHA384", std::nullopt},
      {"P-521", "SHA512", HashAlgorithm::kSha512},
      {"RSA-2048", "SHA256", HashAlgorithm::kSha256},
      {"RSA-2048", "SHA384", std::nullopt},
      {"RSA-2048", "SHA512", std::nullopt},
      {"ED25519", "", std::nullopt},
  }));
  INFO(c.kind << " " << c.hash);
  const SigningKey signer(c.kind);
  const PublicKey key = public_key_of(signer);
  const std::string signature = signer.sign("message", c.hash);
  CHECK(key.hashes().empty() == (key.kind() == PublicKey::Kind::kEd25519));
  for (const auto algorithm : {HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512}) {
    const std::string hash = hash_of(algorithm, "message");
    CHECK(key.verify_hash(algorithm, hash, signature) == (c.good == algorithm));
    CHECK_FALSE(key.verify_hash(algorithm, hash_of(algorithm, "Message"), signature));
    CHECK_FALSE(key.verify_hash(algorithm, hash.substr(1), signature));
    CHECK_FALSE(key.verify_hash(algorithm, hash + "x", signature));
    CHECK_FALSE(key.verify_hash(algorithm, "", signature));
    CHECK_FALSE(key.verify_hash(algorithm, hash, signature + "x"));
    for (const auto other : {HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512}) {
      if (other != algorithm) CHECK_FALSE(key.verify_hash(other, hash, signature));
    }
  }
}

TEST_CASE("an Ed25519 signature over a digest as its message is none over what was hashed") {
  const SigningKey signer("ED25519");
  const std::string digest = sha256("message");
  CHECK_FALSE(public_key_of(signer).verify_digest(digest, signer.sign(digest)));
}
