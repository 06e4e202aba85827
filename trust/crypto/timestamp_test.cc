// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/timestamp.h"

#include <catch2/catch.hpp>

#include "base/file.h"
#include "base/time.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/test_authority.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::authority_fields;
using testing::kTestTime;
using testing::leaf_fields;
using testing::TestSigner;
using Stamp = TestSigner::Stamp;

namespace {

std::string read_bytes(const std::string& name) {
  return read_file("trust/testdata/crypto/" + name, 1u << 20).value();
}

Certificate read_certificate(const std::string& name) {
  return Certificate::parse_der(read_bytes(name)).value();
}

/// The time stamper of Sigstore's public staging instance.
CertificateAuthority staging() {
  return {"", {read_certificate("staging-tsa-leaf.der"), read_certificate("staging-tsa-root.der")}, {}};
}

Result<WallTime> verify(const std::string& response, const std::string& bytes,
                        const CertificateAuthority& authority) {
  return verify_timestamp(response, bytes, std::span(&authority, 1));
}

void check_refused(const Result<WallTime>& result, const char* why, ErrorCode code = ErrorCode::kRefused) {
  REQUIRE_FALSE(result);
  INFO(result.error().message);
  CHECK(result.error().reason == why);
  CHECK(result.error().code == code);
}

struct Stamper {
  TestSigner root = TestSigner::root();
  TestSigner middle = root.issue(authority_fields("intermediate"));
  TestSigner leaf = middle.issue(leaf_fields(LeafUsage::kTimeStamping));
  CertificateAuthority authority = TestSigner::authority({middle, root});
  CertificateAuthority with_leaf = TestSigner::authority({leaf, middle, root});
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  REQUIRE(text.find(from) != std::string::npos);
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("a timestamp of a real authority verifies") {
  const auto time = verify(read_bytes("staging-tsa.tsr"), read_bytes("staging-tsa.sig"), staging());
  REQUIRE(time);
  CHECK(format_seconds(*time) == "2025-07-25T19:53:04Z");
}

TEST_CASE("a timestamp of a real authority does not verify over anything else or for anybody else") {
  const std::string response = read_bytes("staging-tsa.tsr");
  const std::string bytes = read_bytes("staging-tsa.sig");
  check_refused(verify(response, bytes + "x", staging()), reason::kTimestampInvalid);
  check_refused(verify(response, "", staging()), reason::kTimestampInvalid);
  check_refused(verify_timestamp(response, bytes, {}), reason::kTimestampUntrusted);
  check_refused(verify(response, bytes, Stamper().authority), reason::kTimestampUntrusted);
  check_refused(verify(response, bytes, Stamper().with_leaf), reason::kTimestampUntrusted);
  CertificateAuthority without_leaf = staging();
  without_leaf.chain.erase(without_leaf.chain.begin());
  check_refused(verify(response, bytes, without_leaf), reason::kTimestampUntrusted);
  CertificateAuthority ended = staging();
  ended.valid_for.end = parse_rfc3339("2025-07-25T19:53:03Z").value();
  check_refused(verify(response, bytes, ended), reason::kTimestampUntrusted);
}

TEST_CASE("no flipped bit in a real timestamp gives another time") {
  const std::string response = read_bytes("staging-tsa.tsr");
  const std::string bytes = read_bytes("staging-tsa.sig");
  const auto authority = staging();
  const auto time = verify(response, bytes, authority).value();
  std::string accepted;
  for (std::size_t i = 0; i < response.size(); ++i) {
    std::string flipped = response;
    flipped[i] = char(flipped[i] ^ (1 << (i % 8)));
    const auto verified = verify(flipped, bytes, authority);
    if (!verified) continue;
    CHECK(*verified == time);
    // The signer's name is compared without regard to case (RFC 5280 §7.1).
    if (std::isalpha(std::uint8_t(response[i])) && i % 8 == 5) continue;
    accepted += std::to_string(i) + " ";
  }
  CHECK_THAT(accepted, Catch::Equals(""));
}

TEST_CASE("a timestamp that is cut off, followed by bytes or too long is refused") {
  const std::string response = read_bytes("staging-tsa.tsr");
  const std::string bytes = read_bytes("staging-tsa.sig");
  constexpr auto kInvalid = ErrorCode::kInvalidInput;
  for (std::size_t size = 0; size < response.size(); ++size) {
    check_refused(verify(response.substr(0, size), bytes, staging()), reason::kTimestampInvalid, kInvalid);
  }
  check_refused(verify(response + "x", bytes, staging()), reason::kTimestampInvalid, kInvalid);
  check_refused(verify(response + response, bytes, staging()), reason::kTimestampInvalid, kInvalid);
  check_refused(verify(std::string(kMaxTimestampBytes + 1, 'x'), bytes, staging()), reason::kTimestampInvalid,
                ErrorCode::kTooLarge);
}

TEST_CASE("the test authority of sigstore-go has a nameless leaf, which RFC 5280 does not allow") {
  const CertificateAuthority authority{
      "",
      {read_certificate("virtual-tsa-leaf.der"), read_certificate("virtual-tsa-intermediate.der"),
       read_certificate("virtual-tsa-root.der")},
      {}};
  check_refused(verify(read_bytes("virtual-tsa.tsr"), read_bytes("virtual-tsa.sig"), authority),
                reason::kTimestampUntrusted);
}

TEST_CASE("a timestamp is good by each hash, with its certificate in it or in the authority") {
  const Stamper stamper;
  const char* imprint = GENERATE("SHA256", "SHA384", "SHA512");
  const char* hash = GENERATE("SHA256", "SHA384", "SHA512");
  const std::string response =
      stamper.leaf.stamp("bytes", {.imprint = imprint, .hash = hash, .names_itself = true});
  CHECK(verify(response, "bytes", stamper.authority) == kTestTime);
  CHECK(verify(response, "bytes", stamper.with_leaf) == kTestTime);
  check_refused(verify(response, "other", stamper.authority), reason::kTimestampInvalid);
  const std::string bare =
      stamper.leaf.stamp("bytes", {.imprint = imprint, .hash = hash, .brings_certificate = false});
  CHECK(verify(bare, "bytes", stamper.with_leaf) == kTestTime);
  check_refused(verify(bare, "bytes", stamper.authority), reason::kTimestampUntrusted);
}

TEST_CASE("weak hashes are refused") {
  const Stamper stamper;
  check_refused(verify(stamper.leaf.stamp("bytes", {.imprint = "SHA1"}), "bytes", stamper.authority),
                reason::kTimestampInvalid);
  check_refused(verify(stamper.leaf.stamp("bytes", {.imprint = "SHA224"}), "bytes", stamper.authority),
                reason::kTimestampInvalid);
  check_refused(verify(stamper.leaf.stamp("bytes", {.hash = "SHA1"}), "bytes", stamper.authority),
                reason::kTimestampInvalid, ErrorCode::kInvalidInput);
}

TEST_CASE("where the authority lists its leaf, no other may sign") {
  const Stamper stamper;
  const TestSigner other = stamper.middle.issue(leaf_fields(LeafUsage::kTimeStamping));
  const std::string response = other.stamp("bytes", {});
  CHECK(verify(response, "bytes", stamper.authority));
  check_refused(verify(response, "bytes", stamper.with_leaf), reason::kTimestampUntrusted);
}

TEST_CASE("signer and authority must be valid at the time that the timestamp says") {
  Stamper stamper;
  const auto at = [&](WallTime time) {
    return verify(stamper.leaf.stamp("bytes", {.time = time}), "bytes", stamper.authority);
  };
  CHECK(at(kTestTime + 1h));
  check_refused(at(kTestTime + 1h + 1s), reason::kTimestampUntrusted);
  check_refused(at(kTestTime - 1h - 1s), reason::kTimestampUntrusted);
  stamper.authority.valid_for = {kTestTime, kTestTime};
  CHECK(at(kTestTime));
  check_refused(at(kTestTime + 1s), reason::kTimestampUntrusted);
  check_refused(at(kTestTime - 1s), reason::kTimestampUntrusted);
}

TEST_CASE("the authority that signed is found among several") {
  const Stamper one, two;
  const std::vector<CertificateAuthority> authorities{one.with_leaf, {}, two.with_leaf};
  CHECK(verify_timestamp(two.leaf.stamp("bytes", {}), "bytes", authorities));
}

TEST_CASE("a timestamp that was not granted, or was changed, is refused") {
  const Stamper stamper;
  const std::string response = stamper.leaf.stamp("bytes", {.names_itself = true});
  const auto changed = [&](const std::string& from, const std::string& to) {
    return verify(replaced(response, from, to), "bytes", stamper.authority);
  };
  REQUIRE(verify(response, "bytes", stamper.authority));
  check_refused(changed("\x30\x03\x02\x01\0"s, "\x30\x03\x02\x01\1"s), reason::kTimestampInvalid);
  check_refused(changed("\x30\x03\x02\x01\0"s, "\x30\x03\x02\x01\2"s), reason::kTimestampInvalid,
                ErrorCode::kInvalidInput);
  check_refused(changed("20260101000000Z", "20260101000001Z"), reason::kTimestampInvalid);
  check_refused(changed("20260101000000Z", "20261301000000Z"), reason::kTimestampInvalid,
                ErrorCode::kInvalidInput);
  std::string unsigned_one = response;
  unsigned_one.back() = char(unsigned_one.back() ^ 1);
  check_refused(verify(unsigned_one, "bytes", stamper.authority), reason::kTimestampInvalid);
}

TEST_CASE("a refusal of an authority is no timestamp") {
  const std::string rejection = "\x30\x35\x30\x33\x02\x01\x02\x30\x28\x0C\x26"s +
                                "Error during serial number generation." + "\x03\x04\x06\0\0\x40"s;
  check_refused(verify(rejection, "bytes", staging()), reason::kTimestampInvalid);
}
