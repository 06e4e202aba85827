// SPDX-License-Identifier: Apache-2.0
#include "trust/openpgp/signer_key.h"

#include <catch2/catch.hpp>

#include "base/file.h"
#include "base/time.h"
#include "trust/crypto/reasons.h"
#include "trust/openpgp/packet.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::openpgp;

namespace {

std::string data(const std::string& name) {
  return read_file("trust/testdata/openpgp/" + name, 1u << 16).value();
}

const std::string kList = data("SHA256SUMS");
const std::string kNow = "2026-02-15T00:00:00Z";

SignerKey key_of(const std::string& name) {
  auto key = SignerKey::parse(data(name));
  INFO((key ? "" : key.error().to_string()));
  REQUIRE(key);
  return *std::move(key);
}

/// What becomes of the first signature in a file, which may be changed.
std::string reason_of(const std::string& file, const std::string& key, const std::string& now = kNow,
                      const std::string& content = kList) {
  const auto signatures = parse_signatures(file);
  if (!signatures) return signatures.error().reason;
  if (!signatures->front()) return signatures->front().error().reason;
  const auto verified = key_of(key).verify(content, *signatures->front(), parse_rfc3339(now).value());
  return verified ? "good" : verified.error().reason;
}

std::string by(const std::string& name, const std::string& key, const std::string& now = kNow) {
  return reason_of(data("SHA256SUMS." + name), key, now);
}

}  // namespace

TEST_CASE("signatures of gpg are good by the key that made them") {
  for (const char* name : {"rsa.gpg", "rsa.asc", "rsa-sha256.gpg", "rsa-sha384.gpg", "notation.gpg"}) {
    INFO(name);
    CHECK(by(name, "rsa.asc") == "good");
    CHECK(by(name, "rsa.gpg") == "good");
    CHECK(by(name, "other.asc") == reason::kKeyMismatch);
    CHECK(by(name, "ed25519.asc") == reason::kKeyMismatch);
    CHECK(reason_of(data(std::string("SHA256SUMS.") + name), "rsa.asc", kNow, kList + "\n") ==
          reason::kKeyMismatch);
    CHECK(reason_of(data(std::string("SHA256SUMS.") + name), "rsa.asc", kNow, "") == reason::kKeyMismatch);
  }
  for (const char* name : {"ed25519.gpg", "ed25519-sha512.gpg"}) {
    INFO(name);
    CHECK(by(name, "ed25519.asc") == "good");
    CHECK(by(name, "rsa.asc") == reason::kKeyMismatch);
  }
  CHECK(by("other.gpg", "other.asc") == "good");
}

TEST_CASE("a key is known by its fingerprint, as gpg shows it") {
  const std::string fingerprints = data("fingerprints");
  for (const std::string name : {"rsa", "ed25519"}) {
    const std::string id = key_of(name + ".asc").id();
    REQUIRE(id.starts_with("openpgp:"));
    CHECK(fingerprints.find(name + " " + id.substr(8) + "\n") != fingerprints.npos);
  }
  CHECK(key_of("rsa.asc").id() == key_of("rsa.gpg").id());
}

TEST_CASE("a signature of another type, hash or time does not count") {
  CHECK(by("text.gpg", "rsa.asc") == reason::kSignatureInvalid);
  CHECK(by("rsa-sha1.gpg", "rsa.asc") == reason::kSignatureInvalid);
  CHECK(by("rsa-sha224.gpg", "rsa.asc") == reason::kSignatureInvalid);
  CHECK(by("critical-notation.gpg", "rsa.asc") == reason::kSignatureInvalid);
  CHECK(by("until-march.gpg", "rsa.asc") == "good");
  CHECK(by("until-march.gpg", "rsa.asc", "2026-03-02T00:00:00Z") == reason::kSignatureExpired);
  CHECK(by("rsa.gpg", "rsa.asc", "2026-01-31T00:00:00Z") == reason::kSignatureInvalid);
  CHECK(by("rsa.gpg", "rsa.asc", "2090-01-01T00:00:00Z") == "good");
}

TEST_CASE("a key that is expired, revoked, or not for signing makes no good signature") {
  CHECK(by("by-expired.gpg", "expired.asc", "2020-12-01T00:00:00Z") == "good");
  CHECK(by("by-expired.gpg", "expired.asc") == reason::kKeyExpired);
  CHECK(by("by-prolonged.gpg", "prolonged.asc") == "good");
  CHECK(by("by-prolonged.gpg", "prolonged.asc", "2030-01-02T00:00:00Z") == reason::kKeyExpired);
  CHECK(by("by-revoked.gpg", "revoked.asc") == reason::kKeyRevoked);
  CHECK(by("by-subkey.gpg", "subkey.asc") == reason::kKeyMismatch);
  CHECK(by("by-certifies.gpg", "certifies.asc") == reason::kUnsupportedKey);
}

TEST_CASE("a revocation counts whoever made it, and wherever it stands behind the key") {
  const auto packets = parse_packets(data("rsa.gpg"));
  REQUIRE(packets);
  const std::string revocations[] = {std::string("\xC2\2\4\x20", 4), std::string("\xC2\3\3\5\x20", 5)};
  for (const std::string& revocation : revocations) {
    const auto key = SignerKey::parse(data("rsa.gpg") + revocation);
    REQUIRE(key);
    const auto signature = parse_signatures(data("SHA256SUMS.rsa.gpg"))->front();
    CHECK(key->verify(kList, *signature, parse_rfc3339(kNow).value()).error().reason == reason::kKeyRevoked);
  }
}

TEST_CASE("no byte of a signature can be changed but those that say nothing") {
  for (const std::string name : {"rsa", "ed25519"}) {
    const std::string good = data("SHA256SUMS." + name + ".gpg");
    const auto hashed =
        static_cast<std::size_t>(static_cast<unsigned char>(good[good[0] == char(0x88) ? 7 : 8]));
    const std::size_t hashed_end = (good[0] == char(0x88) ? 8 : 9) + hashed;
    const std::size_t numbers = hashed_end + 2 + static_cast<unsigned char>(good[hashed_end + 1]) + 2;
    for (std::size_t i = 0; i < good.size(); ++i) {
      if (i >= hashed_end && i < numbers) continue;  // hints, and the first bytes of the hash
      for (const int bit : {1, 0x80}) {
        std::string changed = good;
        changed[i] = char(changed[i] ^ bit);
        INFO(name << " " << i);
        CHECK(reason_of(changed, name + ".asc") != "good");
      }
    }
  }
}

TEST_CASE("what is no key, or none that is accepted, is refused") {
  const std::string good = data("rsa.gpg");
  const auto error_of = [](const std::string& file) {
    const auto key = SignerKey::parse(file);
    return key ? Error() : key.error();
  };
  for (const char* name : {"weak.asc", "p256.asc"})
    CHECK(error_of(data(name)).reason == reason::kUnsupportedKey);
  std::string of_version_6 = good;
  of_version_6[good[0] == char(0x98) ? 2 : 3] = 6;
  CHECK(error_of(of_version_6).reason == reason::kUnsupportedKey);
  const std::string bad[] = {
      "",
      "text",
      data("SHA256SUMS.rsa.gpg"),
      data("SHA256SUMS.rsa.asc"),
      data("two.asc"),
      data("two-armored.asc"),
      "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY\n-----END PGP PRIVATE KEY BLOCK-----\n",
      "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n",
      good + std::string("\xD4\1a"),  // encrypted data
      std::string(kMaxFileBytes + 1, char(0x99)),
  };
  for (const std::string& one : bad) CHECK_FALSE(SignerKey::parse(one));
}

TEST_CASE("each beginning of a key is refused") {
  for (const char* name : {"rsa.gpg", "revoked.asc"}) {
    const std::string whole = unarmor(data(name), "PUBLIC KEY BLOCK").value();
    REQUIRE(SignerKey::parse(whole));
    const auto packets = parse_packets(whole).value();
    const bool is_revoked = packets.at(1).tag == Tag::kSignature;
    const std::size_t up_to = is_revoked ? packets.at(0).body.size() : whole.size();
    for (std::size_t size = 0; size < up_to; ++size) CHECK_FALSE(SignerKey::parse(whole.substr(0, size)));
  }
}

TEST_CASE("a key is not its owner's words about it: without a user ID of its own it is refused") {
  const auto packets = parse_packets(data("rsa.gpg")).value();
  const std::string whole = data("rsa.gpg");
  const std::size_t key_size = packets.at(0).body.size();
  const std::size_t header = whole[0] == char(0x98) ? 2 : 3;
  CHECK_FALSE(SignerKey::parse(whole.substr(0, header + key_size)));
  std::string another_id = whole;
  another_id[header + key_size + 2] = 'R';
  CHECK_FALSE(SignerKey::parse(another_id));
}
