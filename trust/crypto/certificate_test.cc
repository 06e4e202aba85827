// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/certificate.h"

#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "base/time.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/test_authority.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using testing::leaf_fields;
using testing::TestSigner;

namespace {

std::string read_der(const std::string& name) {
  return read_file("trust/testdata/crypto/" + name, 1u << 20).value();
}

Certificate read_certificate(const std::string& name) {
  return Certificate::parse_der(read_der(name)).value();
}

std::string pem_of(const std::string& der) {
  return "-----BEGIN CERTIFICATE-----\n" + base64_encode(der) + "\n-----END CERTIFICATE-----\n";
}

void check_invalid(const Result<Certificate>& result, ErrorCode code = ErrorCode::kInvalidInput) {
  REQUIRE_FALSE(result);
  CHECK(result.error().code == code);
  CHECK(result.error().reason == reason::kCertificateInvalid);
}

Result<std::vector<AlternativeName>> names_of(const std::string& value) {
  static const TestSigner root = TestSigner::root();
  return root.issue(leaf_fields().set("subjectAltName", value)).certificate().alternative_names();
}

}  // namespace

TEST_CASE("a certificate of the public Fulcio is read") {
  const Certificate leaf = read_certificate("fulcio-leaf-uri.der");
  CHECK(leaf.der() == read_der("fulcio-leaf-uri.der"));
  CHECK(leaf.subject().empty());
  CHECK(format_seconds(leaf.not_before()) == "2023-08-18T16:05:35Z");
  CHECK(format_seconds(leaf.not_after()) == "2023-08-18T16:15:35Z");
  CHECK(leaf.public_key().value().kind() == PublicKey::Kind::kEcdsaP256);
  CHECK(leaf.public_key().value().der() == leaf.public_key_der());
  const std::vector<AlternativeName> expected{
      {AlternativeName::Kind::kUri,
       "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main"}};
  CHECK(leaf.alternative_names().value() == expected);
  CHECK(leaf.extension("1.3.6.1.4.1.57264.1.1").value() == "https://token.actions.githubusercontent.com");
  CHECK_FALSE(leaf.extension("1.2.3.4").value());
}

TEST_CASE("the other kinds of Fulcio's names are read") {
  const std::vector<AlternativeName> email{{AlternativeName::Kind::kEmail, "brian@dehamer.com"}};
  const std::vector<AlternativeName> other{{AlternativeName::Kind::kOtherName, "foo!oidc.local"}};
  CHECK(read_certificate("fulcio-leaf-email.der").alternative_names().value() == email);
  CHECK(read_certificate("scaffolding-leaf.der").alternative_names().value() == other);
}

TEST_CASE("a subject is one escaped line") {
  CHECK(read_certificate("fulcio-intermediate.der").subject() == "O=sigstore.dev, CN=sigstore-intermediate");
  auto fields = testing::authority_fields("a\nb");
  CHECK(TestSigner::root(fields).certificate().subject() == "CN=a\\nb");
}

TEST_CASE("no certificate that is cut off, followed by bytes or empty is read") {
  const std::string der = read_der("fulcio-root.der");
  for (std::size_t size = 0; size < der.size(); ++size) {
    INFO(size);
    check_invalid(Certificate::parse_der(der.substr(0, size)));
  }
  check_invalid(Certificate::parse_der(der + std::string(1, '\0')));
  check_invalid(Certificate::parse_der(der + der));
  check_invalid(Certificate::parse_der(pem_of(der)));
  check_invalid(Certificate::parse_der(std::string(kMaxCertificateBytes + 1, 'x')), ErrorCode::kTooLarge);
}

TEST_CASE("a flipped bit is refused or read as other bytes, and never crashes") {
  const std::string der = read_der("fulcio-root.der");
  for (std::size_t i = 0; i < der.size() * 8; ++i) {
    std::string flipped = der;
    flipped[i / 8] = char(flipped[i / 8] ^ (1 << (i % 8)));
    const auto certificate = Certificate::parse_der(flipped);
    if (!certificate) continue;
    CHECK(certificate->der() == flipped);
    (void)certificate->alternative_names();
    (void)certificate->public_key();
    (void)certificate->subject();
  }
}

TEST_CASE("a default value that is written out is not canonical") {
  const TestSigner root = TestSigner::root();
  const TestSigner leaf = root.issue(leaf_fields().set("1.2.3.4", "critical,DER:05:00"));
  std::string der = leaf.certificate().der();
  const std::string extension("\x06\x03\x2A\x03\x04\x01\x01\xFF", 8);
  REQUIRE(der.find(extension) != std::string::npos);
  der[der.find(extension) + 7] = '\0';
  check_invalid(Certificate::parse_der(der));
}

TEST_CASE("a validity that is no time is refused") {
  std::string der = read_der("fulcio-root.der");
  const std::string time = GENERATE("211307135659Z", "2110071356599", "21100713565xZ");
  der.replace(der.find("211007135659Z"), time.size(), time);
  check_invalid(Certificate::parse_der(der));
}

TEST_CASE("PEM certificates are read in their order") {
  const std::string one = pem_of(read_der("fulcio-intermediate.der"));
  const std::string two = pem_of(read_der("fulcio-root.der"));
  const auto certificates = Certificate::parse_pem("\n" + one + "\r\n \t" + two + "\n");
  REQUIRE(certificates);
  REQUIRE(certificates->size() == 2);
  CHECK(certificates->at(0).subject() == "O=sigstore.dev, CN=sigstore-intermediate");
  CHECK(certificates->at(1).subject() == "O=sigstore.dev, CN=sigstore");
}

TEST_CASE("what is not PEM certificates alone is refused") {
  const std::string der = read_der("fulcio-root.der");
  const std::string pem = pem_of(der);
  std::string many;
  for (std::size_t i = 0; i <= kMaxChainLength; ++i) many += pem;
  struct Case {
    std::string text;
    ErrorCode code = ErrorCode::kInvalidInput;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {""},
      {" \n"},
      {der},
      {base64_encode(der)},
      {"subject=x\n" + pem},
      {pem + "x"},
      {pem + "x" + pem},
      {pem.substr(0, pem.size() - 20)},
      {pem + "-----BEGIN CERTIFICATE-----\n"},
      {"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"},
      {"-----BEGIN CERTIFICATE-----\nProc-Type: 4\n\n" + base64_encode(der) +
       "\n-----END CERTIFICATE-----\n"},
      {"-----BEGIN TRUSTED CERTIFICATE-----\n" + base64_encode(der) +
       "\n-----END TRUSTED CERTIFICATE-----\n"},
      {"-----BEGIN PUBLIC KEY-----\n" + base64_encode(der) + "\n-----END PUBLIC KEY-----\n"},
      {pem_of(der + "x")},
      {many, ErrorCode::kTooLarge},
      {std::string(3u << 20, ' '), ErrorCode::kTooLarge},
  }));
  INFO(c.text.substr(0, 100));
  const auto certificates = Certificate::parse_pem(c.text);
  REQUIRE_FALSE(certificates);
  CHECK(certificates.error().code == c.code);
  CHECK(certificates.error().reason == reason::kCertificateInvalid);
}

TEST_CASE("names of kinds that no signer is named by are left out") {
  const std::vector<AlternativeName> expected{{AlternativeName::Kind::kEmail, "a@example.com"},
                                              {AlternativeName::Kind::kUri, "urn:x"},
                                              {AlternativeName::Kind::kOtherName, "b"}};
  CHECK(names_of("DNS:example.com,email:a@example.com,IP:127.0.0.1,URI:urn:x,otherName:1.2.3;UTF8:c,"
                 "otherName:1.3.6.1.4.1.57264.1.7;UTF8:b")
            .value() == expected);
  CHECK(names_of("").value().empty());
}

TEST_CASE("alternative names that are malformed are refused") {
  const std::string value = GENERATE(values<std::string>({
      "DER:30:00",                                                                 // none
      "DER:04:00",                                                                 // no sequence
      "DER:30:04:86:01:61:00",                                                     // cut off
      "DER:30:03:86:01:61:00",                                                     // a byte after it
      "DER:30:80:86:01:61:00:00",                                                  // indefinite length
      "DER:30:05:86:03:61:00:62",                                                  // NUL in a URI
      "DER:30:05:81:03:61:00:62",                                                  // NUL in an e-mail address
      "DER:30:03:86:01:E9",                                                        // not ASCII
      "otherName:1.3.6.1.4.1.57264.1.7;IA5STRING:b",                               // another string
      "otherName:1.3.6.1.4.1.57264.1.7;BOOLEAN:TRUE",                              // no string
      "DER:30:15:A0:13:06:0A:2B:06:01:04:01:83:BF:30:01:07:A0:05:0C:03:61:00:62",  // NUL in an otherName
      "DER:30:13:A0:11:06:0A:2B:06:01:04:01:83:BF:30:01:07:A0:03:0C:01:FF",        // not UTF-8
  }));
  INFO(value);
  const auto names = names_of(value);
  REQUIRE_FALSE(names);
  CHECK(names.error().code == ErrorCode::kInvalidInput);
  CHECK(names.error().reason == reason::kCertificateInvalid);
}

TEST_CASE("an extension that is there twice is refused") {
  auto fields = leaf_fields();
  fields.extensions.emplace_back("1.2.3.4", "DER:05:00");
  fields.extensions.emplace_back("1.2.3.4", "DER:05:00");
  fields.extensions.emplace_back("subjectAltName", "URI:urn:other");
  const Certificate certificate = TestSigner::root().issue(fields).certificate();
  const auto twice = certificate.extension("1.2.3.4");
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code == ErrorCode::kInvalidInput);
  CHECK(twice.error().reason == reason::kCertificateInvalid);
  CHECK_FALSE(certificate.alternative_names());
  CHECK_FALSE(certificate.extension("not an oid"));
}

TEST_CASE("a key of a kind that is not accepted is named") {
  auto fields = leaf_fields();
  fields.key = "secp256k1";
  const auto key = TestSigner::root().issue(fields).certificate().public_key();
  REQUIRE_FALSE(key);
  CHECK(key.error().code == ErrorCode::kUnsupported);
  CHECK(key.error().reason == reason::kUnsupportedKey);
}
