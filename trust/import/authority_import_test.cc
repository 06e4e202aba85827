// SPDX-License-Identifier: Apache-2.0
#include "trust/import/authority_import.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace kintsugi::trust {
namespace {

using nlohmann::json;
using Kind = ImportedAuthority::Kind;

constexpr char kIdentity[] = "identities: [{issuer: 'https://i', subject: s}]";

struct Reading {
  ImportedAuthority authority;
  std::vector<ImportRemark> remarks;

  bool has_lost(const std::string& path) const {
    return std::any_of(remarks.begin(), remarks.end(), [&](const ImportRemark& one) {
      return one.kind == ImportRemark::Kind::kLost && one.path == path && !one.text.empty();
    });
  }
};

Reading read(const std::string& yaml) {
  RemarkList remarks("policy a");
  auto authority = import_authority(parse_yaml_document(yaml).value(), 0, remarks);
  return {std::move(authority), remarks.all()};
}

/// An authority with a key of the test data.
std::string key_of(const std::string& file, const std::string& more = "") {
  const std::string pem = read_file("trust/testdata/" + file, 1u << 16).value();
  return "{key: {data: " + json(pem).dump() + more + "}}";
}

}  // namespace

TEST_CASE("a key is carried over inline, under the name that policy-controller gives it") {
  const Reading reading = read(key_of("cosign.pub"));
  CHECK(reading.remarks.empty());
  CHECK(reading.authority.kind == Kind::kSigners);
  CHECK(reading.authority.signers ==
        std::vector<json>{{{"name", "authority-0"},
                           {"key", {{"inline", read_file("trust/testdata/cosign.pub", 1u << 16).value()}}}}});
  CHECK(read("{name: n, ctlog: {}, " + key_of("cosign.pub").substr(1)).authority.signers[0]["name"] == "n");
  CHECK(read("{name: '', " + key_of("cosign.pub").substr(1)).authority.signers[0]["name"] == "authority-0");
  CHECK(read(key_of("cosign.pub", ", hashAlgorithm: sha256")).remarks.empty());
  CHECK(read(key_of("p384.pub", ", hashAlgorithm: sha384")).remarks.empty());
  CHECK(read(key_of("p521.pub", ", hashAlgorithm: sha512")).remarks.empty());
}

TEST_CASE("several identities become several authorities, and patterns match the whole value") {
  const Reading reading = read(
      "{name: ci, keyless: {url: 'https://fulcio.sigstore.dev', identities: [{issuer: 'https://i', subject: "
      "s},"
      " {issuerRegExp: '^https://i$', subjectRegExp: x}]}, ctlog: {url: 'https://rekor.sigstore.dev'}}");
  CHECK(reading.authority.signers ==
        std::vector<json>{
            {{"name", "ci-1"}, {"keyless", {{"issuer", "https://i"}, {"subject", "s"}}}},
            {{"name", "ci-2"},
             {"keyless", {{"issuerPattern", "https://i"}, {"subjectPattern", "(?s:.*)(?:x)(?s:.*)"}}}}});
  REQUIRE(reading.remarks.size() == 1);
  CHECK(reading.remarks[0].kind == ImportRemark::Kind::kNote);
  CHECK_THAT(reading.remarks[0].text, Catch::Contains("--trusted-root"));
}

TEST_CASE("a trustRootRef becomes a ConfigMap of that name, and a note says to create it") {
  const Reading reading = read(std::string("{keyless: {trustRootRef: mine, ") + kIdentity +
                               "}, ctlog: {url: 'https://rekor', trustRootRef: mine}}");
  REQUIRE(reading.authority.signers.size() == 1);
  CHECK(reading.authority.signers[0]["keyless"]["trustedRoots"] ==
        json::array({{{"configMapRef", {{"name", "mine"}}}}}));
  REQUIRE(reading.remarks.size() == 1);
  CHECK(reading.remarks[0].path == "spec.authorities[0].keyless.trustRootRef");
  CHECK(reading.remarks[0].kind == ImportRemark::Kind::kNote);
}

TEST_CASE("a Secret's key stays in one, and a note says where it has to be") {
  const Reading reading = read("{key: {secretRef: {name: cosign-pub}}}");
  REQUIRE(reading.authority.signers.size() == 1);
  CHECK(reading.authority.signers[0]["key"] == json{{"secretRef", {{"name", "cosign-pub"}}}});
  REQUIRE(reading.remarks.size() == 1);
  CHECK(reading.remarks[0].path == "spec.authorities[0].key.secretRef");
  CHECK(reading.remarks[0].kind == ImportRemark::Kind::kNote);
}

TEST_CASE("static authorities are told apart") {
  CHECK(read("{static: {action: pass}}").authority.kind == Kind::kAnybody);
  CHECK(read("{static: {action: fail}}").authority.kind == Kind::kNobody);
  const Reading with_message = read("{static: {action: fail, message: no}}");
  CHECK(with_message.authority.kind == Kind::kNobody);
  CHECK(with_message.remarks.size() == 1);
  CHECK(read("{static: {action: pass, attestations: []}}").authority.kind == Kind::kLeftAway);
}

TEST_CASE("what reads differently and loses nothing is a note, what accepts less a loss") {
  const std::string keyless = std::string("{keyless: {") + kIdentity;
  CHECK(read(keyless + ", insecureIgnoreSCT: true}}")
            .has_lost("spec.authorities[0].keyless.insecureIgnoreSCT"));
  CHECK(read(keyless + ", insecureIgnoreSCT: false}}").remarks.size() == 1);
  const Reading format =
      read(keyless + "}, signatureFormat: bundle, source: [{signaturePullSecrets: [{name: a}]}]}");
  CHECK(format.authority.kind == Kind::kSigners);
  CHECK(format.remarks.size() == 3);
  CHECK(std::all_of(format.remarks.begin(), format.remarks.end(),
                    [](const ImportRemark& one) { return one.kind == ImportRemark::Kind::kNote; }));
  const Reading long_name = read("{name: " + std::string(64, 'n') + ", " + key_of("cosign.pub").substr(1));
  CHECK_FALSE(long_name.authority.signers.at(0).contains("name"));
  CHECK(long_name.remarks.size() == 1);
}

TEST_CASE("an authority that would accept more, or that cannot be read, is left away by the field's name") {
  const std::string keyless = std::string("{keyless: {") + kIdentity;
  const std::string key = key_of("cosign.pub").substr(0, key_of("cosign.pub").size() - 1);
  const std::pair<std::string, const char*> cases[] = {
      {key + ", ctlog: {url: 'https://rekor.sigstore.dev'}}", "ctlog"},
      {key + ", ctlog: {trustRootRef: mine}}", "ctlog"},
      {key + ", ctlog: {pubkey: x}}", "ctlog"},
      {key + ", rfc3161timestamp: {trustRootRef: mine}}", "rfc3161timestamp"},
      {key + ", rfc3161timestamp: {}}", "rfc3161timestamp"},
      {key + ", signatureFormat: bundle}", "signatureFormat"},
      {key + ", signatureFormat: new}", "signatureFormat"},
      {key + ", source: [{oci: ghcr.io/shop/signatures}]}", "source[0].oci"},
      {key + ", source: [{tagPrefix: x}]}", "source[0].tagPrefix"},
      {key + ", source: [{repository: x}]}", "source[0]"},
      {key + ", threshold: 2}", ""},
      {key + ", static: {action: pass}}", ""},
      {key + ", attestations: [{name: a, predicateType: spdx, policy: {type: cue, data: x}}]}",
       "attestations[0].policy"},
      {key_of("cosign.pub", ", hashAlgorithm: sha512"), "key.hashAlgorithm"},
      {key_of("cosign.pub", ", hashAlgorithm: SHA256"), "key.hashAlgorithm"},
      {key_of("rsa3072.pub", ", hashAlgorithm: sha384"), "key.hashAlgorithm"},
      {key_of("p384.pub", ", hashAlgorithm: sha512"), "key.hashAlgorithm"},
      {key_of("cosign.pub", ", kms: 'awskms:///x'"), "key"},
      {key_of("cosign.pub", ", secretRef: {name: a}"), "key"},
      {key_of("cosign.pub", ", usage: a"), "key"},
      {"{key: {}}", "key"},
      {"{key: {data: ''}}", "key"},
      {"{key: {data: nonsense}}", "key.data"},
      {"{key: {kms: 'gcpkms://x'}}", "key.kms"},
      {"{key: {secretRef: {name: a, namespace: b}}}", "key.secretRef"},
      {"{key: {secretRef: {}}}", "key.secretRef"},
      {"{key: {secretRef: {name: 'A b'}}}", "key.secretRef.name"},
      {"{key: cosign.pub}", "key"},
      {"{}", ""},
      {"{name: a}", ""},
      {"[]", ""},
      {keyless + "}, ctlog: {trustRootRef: mine}}", "ctlog"},
      {keyless + ", trustRootRef: mine}, ctlog: {url: 'https://rekor'}}", "ctlog"},
      {keyless + ", trustRootRef: mine}, ctlog: {trustRootRef: other}}", "ctlog"},
      {keyless + ", trustRootRef: 'a/b'}}", "keyless.trustRootRef"},
      {keyless + "}, rfc3161timestamp: {trustRootRef: mine}}", "rfc3161timestamp"},
      {keyless + ", ca-cert: {data: x}}}", "keyless.ca-cert"},
      {keyless + ", audience: x}}", "keyless"},
      {keyless + ", insecureIgnoreSCT: 'true'}}", "keyless.insecureIgnoreSCT"},
      {"{keyless: {url: 'https://fulcio'}}", "keyless"},
      {"{keyless: {identities: []}}", "keyless.identities"},
      {"{keyless: {identities: [{}]}}", "keyless.identities[0].issuer"},
      {"{keyless: {identities: [{issuer: a}]}}", "keyless.identities[0].subject"},
      {"{keyless: {identities: [{subject: a}]}}", "keyless.identities[0].issuer"},
      {"{keyless: {identities: [{issuer: '', subject: a}]}}", "keyless.identities[0].issuer"},
      {"{keyless: {identities: [{issuer: a, issuerRegExp: a, subject: a}]}}", "keyless.identities[0].issuer"},
      {"{keyless: {identities: [{issuer: a, subjectRegExp: 'a)(b'}]}}",
       "keyless.identities[0].subjectRegExp"},
      {"{keyless: {identities: [{issuer: a, subjectRegExp: '\\Qa'}]}}",
       "keyless.identities[0].subjectRegExp"},
      {"{keyless: {identities: [{issuer: a, subject: b, claims: {}}]}}", "keyless.identities[0]"},
      {"{static: {}}", "static"},
      {"{static: {action: warn}}", "static.action"},
      {"{static: {action: pass}, ctlog: {url: x}}", "ctlog"},
      {"{static: {action: pass}, source: []}", "source"},
  };
  for (const auto& [yaml, path] : cases) {
    INFO(yaml);
    const Reading reading = read(yaml);
    CHECK(reading.authority.kind == Kind::kLeftAway);
    CHECK(reading.authority.signers.empty());
    const std::string place = std::string("spec.authorities[0]") + (*path == '\0' ? "" : ".") + path;
    CHECK(reading.has_lost(place));
    CHECK(reading.has_lost("spec.authorities[0]"));
  }
}

TEST_CASE("an unknown field is named") {
  const Reading reading = read("{static: {action: pass}, threshold: 2}");
  CHECK(std::any_of(reading.remarks.begin(), reading.remarks.end(), [](const ImportRemark& one) {
    return one.to_string().find("policy a, spec.authorities[0]: unknown key 'threshold'") == 0;
  }));
}

}  // namespace kintsugi::trust
