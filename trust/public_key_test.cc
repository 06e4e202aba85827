// SPDX-License-Identifier: Apache-2.0
#include "trust/public_key.h"

#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "trust/digest.h"
#include "trust/reasons.h"
#include "trust/testing/cosign.h"

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
  CHECK(PublicKey::parse("\n" + key.pem() + "\n\n"));
}

TEST_CASE("keys of other kinds are refused by name") {
  const std::string kind = GENERATE("P-384", "P-521", "P-224", "secp256k1", "ED25519", "RSA");
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

TEST_CASE("no signature with one bit flipped verifies") {
  const SigningKey signer;
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
    const std::size_t length = std::size_t(der[at + 1]);
    std::string value = der.substr(at + 2, length);
    if (value.size() == 33) value.erase(0, 1);
    raw += std::string(32 - value.size(), '\0') + value;
    at += 2 + length;
  }
  REQUIRE(raw.size() == 64);
  CHECK_FALSE(public_key_of(signer).verify("message", raw));
}
