// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/trusted_root.h"

#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/time.h"
#include "trust/crypto/hash.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/test_log.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using testing::read_sigstore_file;
using Json = nlohmann::json;

namespace {

Json public_good() {
  return Json::parse(read_sigstore_file("root-public-good.json"));
}

void check_refused(const std::string& text) {
  const auto root = parse_trusted_root(text);
  REQUIRE_FALSE(root);
  CHECK(root.error().code == ErrorCode::kInvalidInput);
  CHECK(root.error().reason == reason::kTrustedRootInvalid);
}

}  // namespace

TEST_CASE("the roots of real instances are read") {
  struct Case {
    std::string file;
    std::size_t logs, certificate_logs, certificate_authorities, timestamp_authorities;
  };
  const auto c = GENERATE(values<Case>({
      {"root-public-good.json", 2, 2, 2, 1},
      {"root-staging.json", 4, 4, 1, 1},
      {"root-scaffolding.json", 1, 1, 1, 0},
  }));
  INFO(c.file);
  const auto root = parse_trusted_root(read_sigstore_file(c.file));
  REQUIRE(root);
  CHECK(root->logs.size() == c.logs);
  CHECK(root->certificate_logs.size() == c.certificate_logs);
  CHECK(root->certificate_authorities.size() == c.certificate_authorities);
  CHECK(root->timestamp_authorities.size() == c.timestamp_authorities);
  for (const LogKey& log : root->certificate_logs) CHECK(log.id == sha256(log.key.der()));
}

TEST_CASE("what a root says of a log and of an authority is kept") {
  const auto root = parse_trusted_root(read_sigstore_file("root-public-good.json")).value();
  const LogKey& rekor = root.logs.at(0);
  CHECK(rekor.base_url == "https://rekor.sigstore.dev");
  CHECK(rekor.id == sha256(rekor.key.der()));
  CHECK(rekor.key.kind() == PublicKey::Kind::kEcdsaP256);
  CHECK(format_seconds(rekor.valid_for.start.value()) == "2021-01-12T11:53:27Z");
  CHECK_FALSE(rekor.valid_for.end);
  CHECK(root.logs.at(1).key.kind() == PublicKey::Kind::kEd25519);
  CHECK(format_seconds(root.certificate_logs.at(0).valid_for.end.value()) == "2022-10-31T23:59:59Z");
  const CertificateAuthority& fulcio = root.certificate_authorities.at(1);
  CHECK(fulcio.uri == "https://fulcio.sigstore.dev");
  CHECK(fulcio.chain.size() == 2);
  CHECK(fulcio.valid_for.start);
}

TEST_CASE("a key in PKCS#1, as in Sigstore's staging instance, is the same as in SubjectPublicKeyInfo") {
  const auto root = parse_trusted_root(read_sigstore_file("root-staging.json")).value();
  const LogKey& old = root.certificate_logs.at(0);
  CHECK(old.key.kind() == PublicKey::Kind::kRsa);
  CHECK(old.id == sha256(old.key.der()));
}

TEST_CASE("both versions of the format are read, and unknown members passed over") {
  Json root = public_good();
  root["mediaType"] = "application/vnd.dev.sigstore.trustedroot.v0.2+json";
  root["x"] = {{"y", 1}};
  root["tlogs"][0]["operator"] = "sigstore.dev";
  root["tlogs"][0]["checkpointKeyId"] = {{"keyId", "wNI9ag=="}};
  CHECK(parse_trusted_root(root.dump()));
  root["ctlogs"] = nullptr;
  root.erase("tlogs");
  root["timestampAuthorities"] = Json::array();
  root["certificateAuthorities"][0].erase("validFor");
  const auto read = parse_trusted_root(root.dump());
  REQUIRE(read);
  CHECK(read->logs.empty());
  CHECK(read->certificate_logs.empty());
  CHECK(read->timestamp_authorities.empty());
  CHECK_FALSE(read->certificate_authorities.at(0).valid_for.start);
}

TEST_CASE("a defect in any part spoils the whole") {
  struct Case {
    const char* pointer;
    Json value;  ///< null: the member is left out
  };
  const std::string p256 = base64_encode(SigningKey().der());
  const std::string p224 = base64_encode(SigningKey("P-224").der());
  const std::string certificate =
      public_good()["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"];
  const std::string certificate_der = base64_decode(certificate).value();
  const auto c = GENERATE_COPY(values<Case>({
      {"/mediaType", nullptr},
      {"/mediaType", "application/vnd.dev.sigstore.trustedroot+json;version=0.2"},
      {"/mediaType", "application/vnd.dev.sigstore.trustedroot.v0.1+json"},
      {"/mediaType", "Application/vnd.dev.sigstore.trustedroot+json;version=0.1"},
      {"/mediaType", 1},
      {"/tlogs", Json::object()},
      {"/tlogs", "x"},
      {"/tlogs", Json::array({Json::object()})},
      {"/tlogs", Json::array({1})},
      {"/tlogs", Json::array({nullptr})},
      {"/ctlogs", Json::array({Json::object()})},
      {"/certificateAuthorities", Json::array({Json::object()})},
      {"/timestampAuthorities", Json::array({Json::object()})},
      {"/tlogs/0/baseUrl", 1},
      {"/tlogs/0/baseUrl", std::string(2049, 'u')},
      {"/tlogs/0/hashAlgorithm", nullptr},
      {"/tlogs/0/hashAlgorithm", "SHA2_512"},
      {"/tlogs/0/hashAlgorithm", 1},
      {"/tlogs/0/logId", nullptr},
      {"/tlogs/0/logId", "x"},
      {"/tlogs/0/logId/keyId", nullptr},
      {"/tlogs/0/logId/keyId", ""},
      {"/tlogs/0/logId/keyId", "wNI9ag=="},
      {"/tlogs/0/logId/keyId", "!"},
      {"/tlogs/0/logId/keyId", "wNI9atQGlz-VWfO6LRygH4QUfY_8W4RFwiT5i5WRgB0="},
      {"/tlogs/0/publicKey", nullptr},
      {"/tlogs/0/publicKey/rawBytes", nullptr},
      {"/tlogs/0/publicKey/rawBytes", ""},
      {"/tlogs/0/publicKey/rawBytes", "AAAA"},
      {"/tlogs/0/publicKey/rawBytes", p224},
      {"/tlogs/0/publicKey/rawBytes", base64_encode(SigningKey("ED25519").der())},
      {"/tlogs/0/publicKey/rawBytes", base64_encode(SigningKey().der() + "x")},
      {"/tlogs/0/publicKey/rawBytes", base64_encode(SigningKey().pem())},
      {"/tlogs/0/publicKey/rawBytes", base64_encode(std::string(5000, '\x30'))},
      {"/tlogs/0/publicKey/keyDetails", nullptr},
      {"/tlogs/0/publicKey/keyDetails", "PKIX_ED25519"},
      {"/tlogs/0/publicKey/keyDetails", "PKIX_ECDSA_P384_SHA_384"},
      {"/tlogs/0/publicKey/keyDetails", "PKCS1_RSA_PKCS1V5"},
      {"/tlogs/0/publicKey/keyDetails", "LMS_SHA256"},
      {"/tlogs/0/publicKey/keyDetails", 5},
      {"/tlogs/0/publicKey/validFor", nullptr},
      {"/tlogs/0/publicKey/validFor", "2021"},
      {"/tlogs/0/publicKey/validFor/start", nullptr},
      {"/tlogs/0/publicKey/validFor/start", ""},
      {"/tlogs/0/publicKey/validFor/start", "2021-01-12"},
      {"/tlogs/0/publicKey/validFor/start", "2021-13-12T11:53:27Z"},
      {"/tlogs/0/publicKey/validFor/start", 1610452407},
      {"/tlogs/0/publicKey/validFor/end", "2021-01-12T11:53:26Z"},
      {"/ctlogs/0/publicKey/validFor/start", nullptr},
      {"/certificateAuthorities/0/uri", 1},
      {"/certificateAuthorities/0/certChain", nullptr},
      {"/certificateAuthorities/0/certChain/certificates", nullptr},
      {"/certificateAuthorities/0/certChain/certificates", Json::array()},
      {"/certificateAuthorities/0/certChain/certificates", Json(17, {{"rawBytes", certificate}})},
      {"/certificateAuthorities/0/certChain/certificates/0/rawBytes", nullptr},
      {"/certificateAuthorities/0/certChain/certificates/0/rawBytes", "AAAA"},
      {"/certificateAuthorities/0/certChain/certificates/0/rawBytes", base64_encode(certificate_der + "x")},
      {"/certificateAuthorities/0/certChain/certificates/0/rawBytes",
       base64_encode(certificate_der.substr(0, certificate_der.size() - 1))},
      {"/certificateAuthorities/0/validFor/start", "yesterday"},
      {"/certificateAuthorities/0/validFor/end", "2000-01-01T00:00:00Z"},
      {"/timestampAuthorities/0/certChain/certificates", Json::array()},
      {"/timestampAuthorities/0/certChain/certificates/1/rawBytes", p256},
  }));
  INFO(c.pointer << " " << c.value);
  Json root = public_good();
  root[Json::json_pointer(c.pointer)] = c.value;
  check_refused(root.dump());
}

TEST_CASE("at most 64 of each kind are read") {
  const std::string kind = GENERATE("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities");
  Json root = public_good();
  const Json first = root[kind][0];
  root[kind] = Json::array();
  for (int i = 0; i < 64; ++i) root[kind].push_back(first);
  CHECK(parse_trusted_root(root.dump()));
  root[kind].push_back(first);
  check_refused(root.dump());
}

TEST_CASE("what is not one JSON object is refused") {
  const std::string good = public_good().dump();
  const std::string text = GENERATE_COPY(values<std::string>(
      {"", "null", "[]", "{}", "1", "[" + good + "]", good + good, good.substr(0, good.size() - 1),
       "\xef\xbb\xbf" + good, good + std::string(1, '\0'), "{\"tlogs\":[]," + good.substr(1),
       "{\"mediaType\":\"x\"," + good.substr(1), good.substr(0, good.size() - 1) + ",\"x\":\"\xff\"}",
       good.substr(0, good.size() - 1) + ",\"x\":" + std::string(100, '[') + std::string(100, ']') + "}",
       good + std::string(1 << 20, ' ')}));
  check_refused(text);
}
