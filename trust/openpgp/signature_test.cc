// SPDX-License-Identifier: Apache-2.0
#include "trust/openpgp/signature.h"

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

const std::string kCreated("\5\2\x65\0\0\0", 6);

std::string counted(const std::string& area) {
  return std::string{char(area.size() >> 8), char(area.size() & 0xFF)} + area;
}

/// The body of an EdDSA signature with these subpackets.
std::string body(const std::string& hashed, const std::string& unhashed = {},
                 const std::string& integers = std::string("\0\1\1\0\1\1", 6)) {
  return std::string("\4\0\x16\x0A", 4) + counted(hashed) + counted(unhashed) + "ab" + integers;
}

}  // namespace

TEST_CASE("a signature of gpg says what it is") {
  const auto file = parse_signatures(data("SHA256SUMS.until-march.gpg"));
  REQUIRE(file);
  REQUIRE(file->size() == 1);
  REQUIRE(file->front());
  const Signature& signature = *file->front();
  CHECK(signature.type == SignatureType::kBinary);
  CHECK(signature.algorithm == KeyAlgorithm::kRsa);
  CHECK(signature.created == parse_rfc3339("2026-02-01T00:00:00Z").value());
  CHECK(signature.integers.size() == 1);
  CHECK(check_time(signature, signature.created));
  CHECK(check_time(signature, parse_rfc3339("2026-02-28T00:00:00Z").value()));
  CHECK(check_time(signature, parse_rfc3339("2026-03-02T00:00:00Z").value()).error().reason ==
        reason::kSignatureExpired);
  CHECK(check_time(signature, parse_rfc3339("2026-01-31T23:59:59Z").value()).error().reason ==
        reason::kSignatureInvalid);
}

TEST_CASE("a file may have several signatures, and one that is not known here spoils no other") {
  const auto two = parse_signatures(data("SHA256SUMS.two.gpg"));
  REQUIRE(two);
  REQUIRE(two->size() == 2);
  CHECK(two->at(0));
  CHECK(two->at(1));
  const auto mixed = parse_signatures(data("SHA256SUMS.critical-notation.gpg") + data("SHA256SUMS.rsa.gpg"));
  REQUIRE(mixed);
  REQUIRE(mixed->size() == 2);
  CHECK(mixed->at(0).error().code == ErrorCode::kUnsupported);
  CHECK(mixed->at(0).error().reason == reason::kSignatureInvalid);
  CHECK(mixed->at(1));
  CHECK(parse_signatures(data("SHA256SUMS.notation.gpg"))->front());
}

TEST_CASE("a file that is no detached signature is refused") {
  const std::string good = data("SHA256SUMS.rsa.gpg");
  std::string many;
  for (std::size_t i = 0; i <= kMaxSignatures; ++i) many += good;
  const std::pair<std::string, const char*> rows[] = {
      {"", reason::kSignatureInvalid},
      {"text", reason::kSignatureInvalid},
      {data("SHA256SUMS.inline.asc"), reason::kSignatureInvalid},
      {data("SHA256SUMS.inline.gpg"), reason::kSignatureInvalid},
      {data("rsa.asc"), reason::kSignatureInvalid},
      {data("rsa.gpg"), reason::kSignatureInvalid},
      {good + data("rsa.gpg"), reason::kSignatureInvalid},
      {good.substr(0, good.size() - 1), reason::kSignatureInvalid},
      {many, reason::kTooLarge},
      {std::string(kMaxSignatureFileBytes + 1, '\n'), reason::kTooLarge},
  };
  for (const auto& [text, expected] : rows) {
    const auto refused = parse_signatures(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().reason == expected);
  }
}

TEST_CASE("each beginning of a signature is refused, and never read beyond") {
  const std::string whole = parse_packets(data("SHA256SUMS.rsa.gpg"))->front().body;
  CHECK(parse_signature(whole));
  // The last number is all that may be missing: then it fits no key.
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto cut = parse_signature(whole.substr(0, size));
    CHECK((!cut || cut->integers.empty()));
  }
}

TEST_CASE("subpackets are read strictly, and critical ones that are not known are refused") {
  const std::string expires("\5\3\0\0\0\1", 6), notation("\2\x94\1", 3), unknown("\2\x65\1", 3);
  CHECK(parse_signature(body(kCreated)));
  CHECK(parse_signature(body(kCreated + expires))->valid_seconds == 1u);
  CHECK(parse_signature(body(kCreated + unknown)));
  CHECK(parse_signature(body(kCreated, unknown)));
  CHECK_FALSE(parse_signature(body(kCreated, expires))->valid_seconds);
  const std::string zero("\5\3\0\0\0\0", 6);
  CHECK_FALSE(parse_signature(body(kCreated + zero))->valid_seconds);
  const std::string critical_created("\5\x82\x65\0\0\0", 6), critical_unknown("\2\xE5\1", 3);
  CHECK(parse_signature(body(critical_created)));
  const std::string bad[] = {
      body(""),
      body("", kCreated),
      body(kCreated + kCreated),
      body(kCreated + expires + expires),
      body(kCreated + critical_unknown),
      body(kCreated + notation),
      body(kCreated, critical_unknown),
      body(kCreated + std::string(1, '\0')),
      body(kCreated + "\7\3"),
      body(kCreated + std::string("\4\3\0\0\0", 5)),
      body(kCreated + std::string("\6\3\0\0\0\1\1", 7)),
      body(kCreated + "\xFF"),
      body(kCreated + "\xC0"),
  };
  for (const std::string& one : bad) {
    const auto refused = parse_signature(one);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().reason == reason::kSignatureInvalid);
  }
}

TEST_CASE("versions other than 4, and numbers that are none, are refused") {
  const std::string good = body(kCreated);
  for (const char version : {'\0', '\3', '\5', '\6'}) {
    std::string other = good;
    other[0] = version;
    CHECK(parse_signature(other).error().code == ErrorCode::kUnsupported);
  }
  const std::string numbers[] = {
      std::string("\0\1", 2),
      std::string("\0\2\1", 3),
      std::string("\0\1\3", 3),
      std::string("\xFF\xFF\1", 3),
      std::string("\0\x10\0\1", 4),
      std::string("\0\1\1\0", 4),
      std::string("\0\1\1\0\1\1\0\1\1", 9),
  };
  for (const std::string& one : numbers) CHECK_FALSE(parse_signature(body(kCreated, "", one)));
}
