// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/certificate_chain.h"

#include <catch2/catch.hpp>
#include <functional>

#include "base/file.h"
#include "base/time.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/test_authority.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace std::chrono_literals;
using testing::authority_fields;
using testing::CertificateFields;
using testing::kTestTime;
using testing::leaf_fields;
using testing::TestSigner;

namespace {

constexpr auto kCode = LeafUsage::kCodeSigning;
constexpr auto kStamp = LeafUsage::kTimeStamping;

Certificate read_certificate(const std::string& name) {
  return Certificate::parse_der(read_file("trust/testdata/crypto/" + name, 1u << 20).value()).value();
}

CertificateAuthority fulcio() {
  return {"https://fulcio.sigstore.dev",
          {read_certificate("fulcio-intermediate.der"), read_certificate("fulcio-root.der")},
          {parse_rfc3339("2022-04-13T20:06:15Z").value(), std::nullopt}};
}

void check_refused(const Result<std::vector<Certificate>>& result, const char* why) {
  REQUIRE_FALSE(result);
  INFO(result.error().message);
  CHECK(result.error().reason == why);
  CHECK(result.error().code == ErrorCode::kRefused);
}

/// A chain of three, made by fields that each case may change.
struct Chain {
  CertificateFields root = authority_fields("root"), intermediate = authority_fields("intermediate");
  CertificateFields leaf = leaf_fields();

  Result<std::vector<Certificate>> verify(LeafUsage usage = kCode, WallTime time = kTestTime) const {
    const TestSigner top = TestSigner::root(root);
    const TestSigner middle = top.issue(intermediate);
    return verify_chain(middle.issue(leaf).certificate(), TestSigner::authority({middle, top}), time, usage);
  }
};

}  // namespace

TEST_CASE("certificates of the public Fulcio have a chain while they are valid") {
  const auto [name, time] = GENERATE(table<std::string, std::string>({
      {"fulcio-leaf-uri.der", "2023-08-18T16:05:35Z"},
      {"fulcio-leaf-uri.der", "2023-08-18T16:15:35.999Z"},
      {"fulcio-leaf-email.der", "2022-11-09T23:05:00Z"},
  }));
  const Certificate leaf = read_certificate(name);
  const auto chain = verify_chain(leaf, fulcio(), parse_rfc3339(time).value(), kCode);
  REQUIRE(chain);
  REQUIRE(chain->size() == 3);
  CHECK(chain->at(0).der() == leaf.der());
  CHECK(chain->at(1).der() == read_certificate("fulcio-intermediate.der").der());
  CHECK(chain->at(2).der() == read_certificate("fulcio-root.der").der());
}

TEST_CASE("certificates of the public Fulcio have no chain at another time, for another use or elsewhere") {
  const Certificate leaf = read_certificate("fulcio-leaf-uri.der");
  const auto at = [](const char* time) { return parse_rfc3339(time).value(); };
  check_refused(verify_chain(leaf, fulcio(), at("2023-08-18T16:05:34.999Z"), kCode),
                reason::kCertificateExpired);
  check_refused(verify_chain(leaf, fulcio(), at("2023-08-18T16:15:36Z"), kCode), reason::kCertificateExpired);
  check_refused(verify_chain(leaf, fulcio(), at("2023-08-18T16:10:00Z"), kStamp),
                reason::kCertificateUntrusted);
  const CertificateAuthority other{"", {read_certificate("scaffolding-root.der")}, {}};
  check_refused(verify_chain(leaf, other, at("2023-08-18T16:10:00Z"), kCode), reason::kCertificateUntrusted);
  check_refused(
      verify_chain(read_certificate("fulcio-intermediate.der"), fulcio(), at("2023-08-18T16:10:00Z"), kCode),
      reason::kCertificateUntrusted);
}

TEST_CASE("a chain is good with each key and signature of enough strength") {
  Chain chain;
  chain.root.key = "RSA-2048";
  chain.root.hash = chain.intermediate.hash = "SHA512";
  chain.intermediate.key = "P-384";
  const auto verified = chain.verify();
  REQUIRE(verified);
  CHECK(verified->size() == 3);
}

TEST_CASE("the anchor may be an intermediate, and intermediates may be left out") {
  const TestSigner root = TestSigner::root();
  const TestSigner middle = root.issue(authority_fields("intermediate"));
  const Certificate leaf = middle.issue(leaf_fields()).certificate();
  const auto chain = verify_chain(leaf, TestSigner::authority({middle}), kTestTime, kCode);
  REQUIRE(chain);
  CHECK(chain->size() == 2);
  check_refused(verify_chain(leaf, TestSigner::authority({root}), kTestTime, kCode),
                reason::kCertificateUntrusted);
  check_refused(verify_chain(leaf, TestSigner::authority({root, middle.issue(authority_fields("below"))}),
                             kTestTime, kCode),
                reason::kCertificateUntrusted);
  const auto direct = verify_chain(root.issue(leaf_fields()).certificate(),
                                   TestSigner::authority({middle, root}), kTestTime, kCode);
  REQUIRE(direct);
  CHECK(direct->size() == 2);
}

TEST_CASE("a leaf that the authority itself lists has a chain") {
  const TestSigner root = TestSigner::root();
  const TestSigner leaf = root.issue(leaf_fields(kStamp));
  const auto chain = verify_chain(leaf.certificate(), TestSigner::authority({leaf, root}), kTestTime, kStamp);
  REQUIRE(chain);
  CHECK(chain->size() == 2);
  CHECK(verify_chain(leaf.certificate(), TestSigner::authority({leaf}), kTestTime, kStamp).value().size() ==
        1);
}

TEST_CASE("an intermediate or leaf of the same name by somebody else is refused") {
  const TestSigner root = TestSigner::root(), other = TestSigner::root();
  const TestSigner middle = root.issue(authority_fields("intermediate"));
  const TestSigner false_middle = other.issue(authority_fields("intermediate"));
  const auto verify = [](const TestSigner& issuer, const std::vector<TestSigner>& authority) {
    return verify_chain(issuer.issue(leaf_fields()).certificate(), TestSigner::authority(authority),
                        kTestTime, kCode);
  };
  REQUIRE(verify(middle, {middle, root}));
  check_refused(verify(false_middle, {middle, root}), reason::kCertificateUntrusted);
  check_refused(verify(middle, {false_middle, root}), reason::kCertificateUntrusted);
  check_refused(verify(middle, {middle, other}), reason::kCertificateUntrusted);
  check_refused(verify(false_middle, {false_middle, root}), reason::kCertificateUntrusted);
}

TEST_CASE("no certificate with an altered signature has a chain") {
  const TestSigner root = TestSigner::root();
  std::string der = root.issue(leaf_fields()).certificate().der();
  der.back() = char(der.back() ^ 1);
  check_refused(
      verify_chain(Certificate::parse_der(der).value(), TestSigner::authority({root}), kTestTime, kCode),
      reason::kCertificateUntrusted);
}

TEST_CASE("what RFC 5280 does not allow in a chain is refused") {
  struct Case {
    std::string name;
    std::function<void(Chain&)> change;
    LeafUsage usage = kCode;
  };
  const auto c = GENERATE(values<Case>({
      {"intermediate that is no CA", [](Chain& c) { c.intermediate.set("basicConstraints", "critical,CA:FALSE"); }},
      {"intermediate without basic constraints", [](Chain& c) { c.intermediate.set("basicConstraints", ""); }},
      {"basic constraints not critical", [](Chain& c) { c.intermediate.set("basicConstraints", "CA:TRUE"); }},
      {"intermediate that may not sign", [](Chain& c) { c.intermediate.set("keyUsage", "critical,cRLSign"); }},
      {"intermediate without key usage", [](Chain& c) { c.intermediate.set("keyUsage", ""); }},
      {"root that is no CA", [](Chain& c) { c.root.set("basicConstraints", "critical,CA:FALSE"); }},
      {"path too long", [](Chain& c) { c.root.set("basicConstraints", "critical,CA:TRUE,pathlen:0"); }},
      {"name outside the constraints",
       [](Chain& c) { c.root.set("nameConstraints", "critical,permitted;URI:other.example"); }},
      {"policy demanded and not there",
       [](Chain& c) { c.intermediate.set("policyConstraints", "critical,requireExplicitPolicy:0"); }},
      {"unknown critical extension in the leaf", [](Chain& c) { c.leaf.set("1.2.3.4", "critical,DER:05:00"); }},
      {"unknown critical extension above",
       [](Chain& c) { c.intermediate.set("1.2.3.4", "critical,DER:05:00"); }},
      {"nameless leaf with a name that is not critical",
       [](Chain& c) { c.leaf.set("subjectAltName", "URI:https://example.com/signer"); }},
      {"nameless leaf without any name", [](Chain& c) { c.leaf.set("subjectAltName", ""); }},
      {"leaf without its issuer's key id", [](Chain& c) { c.leaf.set("authorityKeyIdentifier", ""); }},
      {"SHA-1 on the leaf", [](Chain& c) { c.leaf.hash = "SHA1"; }},
      {"SHA-1 above", [](Chain& c) { c.intermediate.hash = "SHA1"; }},
      {"MD5 on the leaf", [](Chain& c) { c.leaf.hash = "MD5", c.intermediate.key = "RSA-2048"; }},
      {"short RSA key above", [](Chain& c) { c.intermediate.key = "RSA-1024"; }},
      {"short RSA key in the leaf", [](Chain& c) { c.leaf.key = "RSA-1024"; }},
      {"leaf that is a CA", [](Chain& c) { c.leaf.set("basicConstraints", "critical,CA:TRUE"), c.leaf.name = "x"; }},
      {"leaf that may sign certificates only",
       [](Chain& c) { c.leaf.set("keyUsage", "critical,keyCertSign"), c.leaf.name = "x"; }},
      {"leaf that may agree on keys only", [](Chain& c) { c.leaf.set("keyUsage", "critical,keyAgreement"); }},
      {"leaf without extended key usage", [](Chain& c) { c.leaf.set("extendedKeyUsage", ""); }},
      {"leaf of a server", [](Chain& c) { c.leaf.set("extendedKeyUsage", "serverAuth"); }},
      {"leaf for anything", [](Chain& c) { c.leaf.set("extendedKeyUsage", "anyExtendedKeyUsage"); }},
      {"leaf of a time stamper", [](Chain& c) { c.leaf = leaf_fields(kStamp); }},
      {"extended key usage twice",
       [](Chain& c) { c.leaf.extensions.emplace_back("extendedKeyUsage", "codeSigning"); }},
      {"intermediate of servers", [](Chain& c) { c.intermediate.set("extendedKeyUsage", "serverAuth"); }},
      {"root of servers", [](Chain& c) { c.root.set("extendedKeyUsage", "serverAuth"); }},
      {"code signer that stamps", [](Chain&) {}, kStamp},
      {"stamper whose usage is not critical",
       [](Chain& c) { c.leaf = leaf_fields(kStamp).set("extendedKeyUsage", "timeStamping"); }, kStamp},
      {"stamper with another usage",
       [](Chain& c) { c.leaf = leaf_fields(kStamp).set("extendedKeyUsage", "critical,timeStamping,1.2.3"); },
       kStamp},
      {"stamper whose usage is there twice",
       [](Chain& c) {
         c.leaf = leaf_fields(kStamp).set("extendedKeyUsage", "critical,timeStamping,timeStamping");
       },
       kStamp},
      {"intermediate of code signers above a stamper",
       [](Chain& c) {
         c.leaf = leaf_fields(kStamp);
         c.intermediate.set("extendedKeyUsage", "codeSigning");
       },
       kStamp},
  }));
  INFO(c.name);
  Chain chain;
  c.change(chain);
  check_refused(chain.verify(c.usage), reason::kCertificateUntrusted);
}

TEST_CASE("what RFC 5280 allows in a chain is accepted") {
  struct Case {
    std::string name;
    std::function<void(Chain&)> change;
    LeafUsage usage = kCode;
  };
  const auto c = GENERATE(values<Case>({
      {"nothing changed", [](Chain&) {}},
      {"path long enough", [](Chain& c) { c.root.set("basicConstraints", "critical,CA:TRUE,pathlen:1"); }},
      {"name inside the constraints",
       [](Chain& c) { c.root.set("nameConstraints", "critical,permitted;URI:example.com"); }},
      {"unknown extension", [](Chain& c) { c.leaf.set("1.2.3.4", "DER:05:00"); }},
      {"leaf with another usage, too",
       [](Chain& c) { c.leaf.set("extendedKeyUsage", "codeSigning,emailProtection"); }},
      {"intermediate for the usage", [](Chain& c) { c.intermediate.set("extendedKeyUsage", "codeSigning"); }},
      {"intermediate for anything",
       [](Chain& c) { c.intermediate.set("extendedKeyUsage", "anyExtendedKeyUsage"); }},
      {"stamper", [](Chain& c) { c.leaf = leaf_fields(kStamp); }, kStamp},
  }));
  INFO(c.name);
  Chain chain;
  c.change(chain);
  CHECK(chain.verify(c.usage));
}

TEST_CASE("each certificate must be valid, from its first second to the end of its last") {
  struct Case {
    std::string name;
    std::function<void(Chain&)> change;
    WallTime time;
    bool good;
  };
  const auto c = GENERATE(values<Case>({
      {"first second", [](Chain& c) { c.leaf.not_before = kTestTime; }, kTestTime, true},
      {"before it", [](Chain& c) { c.leaf.not_before = kTestTime; }, kTestTime - 1ns, false},
      {"last second", [](Chain& c) { c.leaf.not_after = kTestTime; }, kTestTime + 999ms, true},
      {"after it", [](Chain& c) { c.leaf.not_after = kTestTime; }, kTestTime + 1s, false},
      {"intermediate not yet", [](Chain& c) { c.intermediate.not_before = kTestTime + 1s; }, kTestTime,
       false},
      {"intermediate no more", [](Chain& c) { c.intermediate.not_after = kTestTime - 1s; }, kTestTime, false},
      {"root not yet", [](Chain& c) { c.root.not_before = kTestTime + 1s; }, kTestTime, false},
      {"root no more", [](Chain& c) { c.root.not_after = kTestTime - 1s; }, kTestTime, false},
  }));
  INFO(c.name);
  Chain chain;
  c.change(chain);
  const auto verified = chain.verify(kCode, c.time);
  if (c.good) {
    CHECK(verified);
  } else {
    check_refused(verified, reason::kCertificateExpired);
  }
}

TEST_CASE("what is wrong at any time is not called expired") {
  Chain chain;
  chain.leaf.not_after = kTestTime - 1s;
  chain.leaf.set("extendedKeyUsage", "serverAuth");
  check_refused(chain.verify(), reason::kCertificateUntrusted);
}

TEST_CASE("the authority itself must be valid at the time") {
  const TestSigner root = TestSigner::root();
  const Certificate leaf = root.issue(leaf_fields()).certificate();
  auto authority = TestSigner::authority({root});
  authority.valid_for = {kTestTime, kTestTime + 1s};
  CHECK(verify_chain(leaf, authority, kTestTime, kCode));
  CHECK(verify_chain(leaf, authority, kTestTime + 1s, kCode));
  check_refused(verify_chain(leaf, authority, kTestTime - 1ns, kCode), reason::kCertificateExpired);
  check_refused(verify_chain(leaf, authority, kTestTime + 1s + 1ns, kCode), reason::kCertificateExpired);
}

TEST_CASE("an authority without certificates or with too many is refused") {
  const TestSigner root = TestSigner::root();
  const Certificate leaf = root.issue(leaf_fields()).certificate();
  check_refused(verify_chain(leaf, {}, kTestTime, kCode), reason::kCertificateUntrusted);
  const auto large = TestSigner::authority(std::vector<TestSigner>(kMaxChainLength + 1, root));
  const auto refused = verify_chain(leaf, large, kTestTime, kCode);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kTooLarge);
  CHECK(refused.error().reason == reason::kCertificateUntrusted);
}
