// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/detached_signature.h"

#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/cosign.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using kintsugi::trust::testing::public_key_of;

namespace {

std::string data(const std::string& name) {
  return read_file("trust/testdata/disk/" + name, 1u << 20).value();
}

PublicKey key_of(const std::string& name) {
  return PublicKey::parse(data(name + ".pub")).value();
}

/// What is known of a file that was read piece by piece.
Artifact hashed(const std::string& bytes) {
  Artifact artifact{Digest::of(bytes)};
  for (const HashAlgorithm algorithm : {HashAlgorithm::kSha384, HashAlgorithm::kSha512})
    artifact.hashes[algorithm] = hash_of(algorithm, bytes);
  return artifact;
}

/// "good", or the reason why not.
std::string verdict(const std::string& file, const Artifact& artifact, const PublicKey& key) {
  const auto signer = verify_detached(file, artifact, key);
  if (!signer) return signer.error().reason;
  CHECK(signer->key_id == key.id());
  CHECK_FALSE(signer->certified);
  CHECK(signer->predicate_type.empty());
  return "good";
}

}  // namespace

TEST_CASE(
    "detached signatures by cosign and openssl are good for the file, its hashes, and what of them is "
    "enough") {
  struct Case {
    const char *key, *signature, *by_bytes, *by_hashes, *by_digest;
  };
  const auto c = GENERATE(values<Case>({
      {"p256", "p256.sig", "good", "good", "good"},
      {"p384", "p384.sig", "good", "good", "ContentNeeded"},
      {"p384", "p384.sha384.der", "good", "good", "ContentNeeded"},
      {"rsa3072", "rsa3072.sig", "good", "good", "good"},
      {"rsa3072", "rsa3072.raw", "good", "good", "good"},
      {"ed25519", "ed25519.sig", "good", "ContentNeeded", "ContentNeeded"},
      {"ed25519", "ed25519.raw", "good", "ContentNeeded", "ContentNeeded"},
  }));
  INFO(c.signature);
  const std::string bytes = data("disk.qcow2");
  const std::string signature = data(std::string("disk.qcow2.") + c.signature);
  const PublicKey key = key_of(c.key);
  CHECK(verdict(signature, {Digest::of(bytes), bytes}, key) == c.by_bytes);
  CHECK(verdict(signature, hashed(bytes), key) == c.by_hashes);
  CHECK(verdict(signature, {Digest::of(bytes)}, key) == c.by_digest);

  const std::string other = bytes + '\0';
  CHECK(verdict(signature, {Digest::of(other), other}, key) == "KeyMismatch");
  CHECK(verdict(signature, hashed(other), key) != "good");
  CHECK(verdict(signature, {Digest::of(other)}, key) != "good");
  for (const char* name : {"p256", "p384", "rsa3072", "ed25519"}) {
    if (name == std::string(c.key)) continue;
    CHECK(verdict(signature, {Digest::of(bytes), bytes}, key_of(name)) != "good");
  }
}

TEST_CASE("the hashes of an artifact are those of their own algorithm") {
  const std::string bytes = data("disk.qcow2"), signature = data("disk.qcow2.p384.sig");
  const PublicKey key = key_of("p384");
  Artifact artifact{Digest::of(bytes)};
  artifact.hashes[HashAlgorithm::kSha512] = hash_of(HashAlgorithm::kSha384, bytes);
  CHECK(verdict(signature, artifact, key) == "ContentNeeded");
  artifact.hashes[HashAlgorithm::kSha384] = hash_of(HashAlgorithm::kSha384, bytes + "x");
  CHECK(verdict(signature, artifact, key) == "KeyMismatch");
  artifact.hashes[HashAlgorithm::kSha384] = hash_of(HashAlgorithm::kSha512, bytes);
  CHECK(verdict(signature, artifact, key) == "KeyMismatch");
  artifact.hashes[HashAlgorithm::kSha384] = hash_of(HashAlgorithm::kSha384, bytes);
  CHECK(verdict(signature, artifact, key) == "good");
}

TEST_CASE("a detached signature is raw or strict base64 with one line end at most") {
  const std::string name = GENERATE("p256", "p384", "rsa3072", "ed25519");
  INFO(name);
  const PublicKey key = key_of(name);
  const std::string text = data("disk.qcow2." + name + ".sig");
  const std::string raw = base64_decode(text).value();
  for (const std::string& good : {text, text + "\n", raw}) CHECK(parse_detached_signature(good, key) == raw);
  const std::string bad[] = {
      "",
      "\n",
      text + "\n\n",
      text + "\r\n",
      text + " ",
      " " + text,
      "\n" + text,
      text + text,
      text + "\n" + text,
      text.substr(0, text.size() - 4),
      text.substr(1),
      text.substr(0, 40) + "\n" + text.substr(40),
      text + "=",
      text + '\0',
      "\xEF\xBB\xBF" + text,
      "-----BEGIN SIGNATURE-----\n" + text + "\n-----END SIGNATURE-----\n",
      raw + "\n",
      raw + '\0',
      raw.substr(0, raw.size() - 1),
      raw.substr(1),
      raw + raw,
      hex_encode(raw),
      base64_encode(raw.substr(1)),
      base64_encode(raw + '\0'),
      base64_encode(raw + raw),
      base64_encode(text),
  };
  for (const std::string& file : bad) {
    INFO(hex_encode(file));
    const auto refused = parse_detached_signature(file, key);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::kInvalidInput);
    CHECK(refused.error().reason == reason::kSignatureInvalid);
  }
}

TEST_CASE("base64 with set trailing bits or another alphabet is refused") {
  const PublicKey key = key_of("ed25519");
  const std::string text = data("disk.qcow2.ed25519.sig");
  REQUIRE(text.ends_with("=="));
  std::string trailing = text;
  trailing[trailing.size() - 3] = char(trailing[trailing.size() - 3] + 1);
  std::string url = text;
  for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
  REQUIRE(url != text);
  for (const std::string& file : {trailing, url, text.substr(0, text.size() - 2)})
    CHECK_FALSE(parse_detached_signature(file, key));
}

TEST_CASE("ECDSA signatures are in the one DER that there is of them") {
  const PublicKey key = key_of("p256");
  const std::string raw = base64_decode(data("disk.qcow2.p256.sig")).value();
  std::string long_length = raw;
  long_length.insert(1, "\x81");
  std::string grown = raw;
  grown[1] = char(grown[1] + 1);
  std::string negative = raw;
  negative[4] = char(0x80);
  const std::string p1363(64, '\x01');
  for (const std::string& signature : {long_length, grown, grown + '\0', negative, p1363}) {
    INFO(hex_encode(signature));
    CHECK_FALSE(parse_detached_signature(signature, key));
    CHECK_FALSE(parse_detached_signature(base64_encode(signature), key));
  }
}

TEST_CASE("any changed bit of a signature is found") {
  const std::string bytes = data("disk.qcow2");
  const Artifact artifact{Digest::of(bytes), bytes};
  for (const char* name : {"p256", "ed25519"}) {
    const PublicKey key = key_of(name);
    const std::string raw = base64_decode(data(std::string("disk.qcow2.") + name + ".sig")).value();
    for (std::size_t i = 0; i < raw.size(); ++i) {
      std::string changed = raw;
      changed[i] = char(changed[i] ^ 1);
      INFO(name << " " << i);
      CHECK(verdict(changed, artifact, key) != "good");
    }
  }
}

TEST_CASE("a signature over a hash as if it were the message is none") {
  for (const char* kind : {"P-256", "ED25519", "RSA-2048"}) {
    INFO(kind);
    const SigningKey signer(kind);
    const std::string signature = signer.sign(sha256("message"));
    const PublicKey key = public_key_of(signer);
    CHECK(verdict(signature, {Digest::of("message")}, key) != "good");
    CHECK(verdict(signature, {Digest::of("message"), "message"}, key) == "KeyMismatch");
  }
}

TEST_CASE("a file that is too large for a signature is not read as one") {
  const PublicKey key = key_of("p256");
  CHECK(parse_detached_signature(std::string(kMaxDetachedBytes, 'A'), key).error().code ==
        ErrorCode::kInvalidInput);
  const auto refused = parse_detached_signature(std::string(kMaxDetachedBytes + 1, 'A'), key);
  CHECK(refused.error().code == ErrorCode::kTooLarge);
  CHECK(refused.error().reason == reason::kTooLarge);
}
