// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "trust/attestation/attestation_testing.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;

TEST_CASE("an attestation rule is read in all its forms") {
  const AttestationRule provenance = rule_of(R"(
name: provenance
predicateType: slsaprovenance1
provenance:
  builder: https://ci.example.com
  sourcePattern: git\+https://.*
  buildTypePattern: .*
  materials:
    - {uri: pkg:deb/curl}
    - {uriPattern: git.*, digest: "gitCommit:0123456789012345678901234567890123456789"}
    - {digest: "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
conditions: ["predicate.a == 1", 'has(predicate.b)']
)");
  CHECK(provenance.name == "provenance");
  CHECK(provenance.predicate_type == kProvenanceV1Predicate);
  REQUIRE(provenance.provenance);
  CHECK_FALSE(provenance.provenance->builder->is_pattern());
  CHECK(provenance.provenance->source->is_pattern());
  CHECK(provenance.provenance->materials.size() == 3);
  CHECK(provenance.conditions.size() == 2);

  const AttestationRule scan = rule_of(
      "{predicateType: vuln, vulnerabilities: {maxAge: 7d, maxSeverity: medium, ignoreUnfixed: true, "
      "exceptions: [CVE-2024-1234]}}");
  CHECK(scan.name == "attestations[0]");
  CHECK(scan.vulnerabilities->max_age == std::chrono::days(7));
  CHECK(scan.vulnerabilities->max_severity == VulnerabilitySeverity::kMedium);
  CHECK(scan.vulnerabilities->exceptions.contains("CVE-2024-1234"));
}

TEST_CASE("predicate types have the short names of cosign") {
  const std::pair<const char*, const char*> names[] = {
      {"slsaprovenance", "https://slsa.dev/provenance/v0.2"},
      {"slsaprovenance02", "https://slsa.dev/provenance/v0.2"},
      {"slsaprovenance1", "https://slsa.dev/provenance/v1"},
      {"vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"},
      {"spdx", "https://spdx.dev/Document"},
      {"spdxjson", "https://spdx.dev/Document"},
      {"cyclonedx", "https://cyclonedx.org/bom"},
      {"openvex", "https://openvex.dev/ns"},
      {"link", "https://in-toto.io/Link/v1"},
      {"custom", "https://cosign.sigstore.dev/attestation/v1"},
      {"https://example.com/a", "https://example.com/a"},
      {"urn:example:a", "urn:example:a"},
  };
  for (const auto& [name, uri] : names)
    CHECK(rule_of("predicateType: " + std::string(name)).predicate_type == uri);
  CHECK(predicate_kind("https://openvex.dev/ns/v0.2.0") == PredicateKind::kOpenVex);
  CHECK(predicate_kind("https://spdx.dev/Document/v2.3") == PredicateKind::kSpdx);
  for (const char* other : {"https://openvex.dev/nsx", "https://openvex.dev/ns/", "https://openvex.dev/ns/v",
                            "https://openvex.dev/ns/v1/x", "https://slsa.dev/provenance/v1/v2",
                            "https://slsa.dev/provenance/v1.0", ""})
    CHECK(predicate_kind(other) == PredicateKind::kOther);
  const AttestationRule vex = rule_of("predicateType: openvex");
  CHECK(vex.is_for("https://openvex.dev/ns/v0.2.0"));
  CHECK_FALSE(vex.is_for("https://openvex.dev/nsx"));
  CHECK_FALSE(rule_of("predicateType: https://openvex.dev/ns/v0.2.0").is_for("https://openvex.dev/ns"));
  CHECK_FALSE(rule_of("predicateType: spdx").is_for("https://spdx.dev/Document/v2.3"));
}

TEST_CASE("a rule that is wrong or asks for nothing is a problem of the document") {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "expected an object"},
      {"{}", "'predicateType' is required"},
      {"predicateType: slsaprovenace1", "did you mean 'slsaprovenance1'?"},
      {"predicateType: 'no uri'", "neither a URI"},
      {"predicateType: 'https://a b'", "neither a URI"},
      {"predicateType: 'https:'", "neither a URI"},
      {"predicateType: ''", "neither a URI"},
      {"predicateType: 1", "expected a string"},
      {"{predicateType: vuln, predicatetype: vuln}", "unknown key 'predicatetype'; did you mean"},
      {"{predicateType: vuln, authorities: []}", "unknown key 'authorities'"},
      {"{predicateType: vuln, provenance: {builder: a}}", "only with the predicateType slsaprovenance02"},
      {"{predicateType: spdx, provenance: {builder: a}}", "only with the predicateType slsaprovenance02"},
      {"{predicateType: slsaprovenance, vulnerabilities: {maxAge: 1d}}", "only with the predicateType vuln"},
      {"{predicateType: https://a.b/c, vulnerabilities: {maxAge: 1d}}", "only with the predicateType vuln"},
      {"{predicateType: slsaprovenance, provenance: {}}", "asks for nothing"},
      {"{predicateType: slsaprovenance, provenance: []}", "expected an object"},
      {"{predicateType: slsaprovenance, provenance: {bilder: a}}", "did you mean 'builder'?"},
      {"{predicateType: slsaprovenance, provenance: {builder: a, builderPattern: b}}", "at most one of"},
      {"{predicateType: slsaprovenance, provenance: {builder: ''}}", "is empty"},
      {"{predicateType: slsaprovenance, provenance: {builderPattern: ''}}", "is empty"},
      {"{predicateType: slsaprovenance, provenance: {sourcePattern: '('}}", "no pattern that RE2"},
      {"{predicateType: slsaprovenance, provenance: {materials: []}}", "one to 32"},
      {"{predicateType: slsaprovenance, provenance: {materials: [{}]}}", "one of 'uri'"},
      {"{predicateType: slsaprovenance, provenance: {materials: [a]}}", "expected an object"},
      {"{predicateType: slsaprovenance, provenance: {materials: [{name: a}]}}", "unknown key 'name'"},
      {"{predicateType: slsaprovenance, provenance: {materials: [{digest: 'md5:aa'}]}}", "not a digest"},
      {"{predicateType: slsaprovenance, provenance: {materials: [{digest: 'sha256:aa'}]}}", "not a digest"},
      {"{predicateType: slsaprovenance, provenance: {materials: [{digest: gitCommit}]}}", "not a digest"},
      {"{predicateType: slsaprovenance, provenance: {materials: [{digest: "
       "'gitCommit:0123456789ABCDEF012345678901234567890123'}]}}",
       "not a digest"},
      {"{predicateType: vuln, vulnerabilities: {}}", "one of 'maxAge' and 'maxSeverity'"},
      {"{predicateType: vuln, vulnerabilities: {maxAge: 7 days}}", "not a duration"},
      {"{predicateType: vuln, vulnerabilities: {maxAge: 0s}}", "not a duration"},
      {"{predicateType: vuln, vulnerabilities: {maxAge: 7}}", "expected a string"},
      {"{predicateType: vuln, vulnerabilities: {maxSeverity: Medium}}", "did you mean 'medium'?"},
      {"{predicateType: vuln, vulnerabilities: {maxSeverity: unknown}}", "expected one of"},
      {"{predicateType: vuln, vulnerabilities: {maxAge: 1d, ignoreUnfixed: true}}",
       "mean nothing without it"},
      {"{predicateType: vuln, vulnerabilities: {maxAge: 1d, exceptions: [CVE-1]}}",
       "mean nothing without it"},
      {"{predicateType: vuln, vulnerabilities: {maxSeverity: low, ignoreUnfixed: 'yes'}}",
       "expected true or false"},
      {"{predicateType: vuln, vulnerabilities: {maxSeverity: low, exceptions: ['']}}", "no identifier"},
      {"{predicateType: vuln, vulnerabilities: {maxSeverity: low, exceptions: ['CVE-*']}}", "no identifier"},
      {"{predicateType: vuln, vulnerabilities: {maxSeverity: low, exceptions: CVE-1}}", "expected a list"},
      {"{predicateType: custom, conditions: predicate.a}", "expected a list"},
      {"{predicateType: custom, conditions: ['true', '1 +']}", "condition 2: position 4: expected a value"},
      {"{predicateType: custom, conditions: ['predicat.a == 1']}", "unknown variable 'predicat'"},
      {"{predicateType: custom, conditions: [true]}", "put it in quotes"},
  };
  for (const auto& [yaml, expected] : cases) {
    INFO(yaml);
    std::string problem;
    (void)read_rule(yaml, problem);
    CHECK_THAT(problem, Catch::Contains(expected));
  }
}

TEST_CASE("the fingerprint changes with all that a verdict depends on") {
  const char* const rules[] = {
      "{predicateType: vuln}",
      "{predicateType: spdx}",
      "{predicateType: vuln, name: a}",
      "{predicateType: vuln, conditions: ['true']}",
      "{predicateType: vuln, conditions: ['true', 'true']}",
      "{predicateType: vuln, conditions: ['false']}",
      "{predicateType: vuln, vulnerabilities: {maxAge: 7d}}",
      "{predicateType: vuln, vulnerabilities: {maxAge: 8d}}",
      "{predicateType: vuln, vulnerabilities: {maxSeverity: low}}",
      "{predicateType: vuln, vulnerabilities: {maxSeverity: high}}",
      "{predicateType: vuln, vulnerabilities: {maxSeverity: low, maxAge: 7d}}",
      "{predicateType: vuln, vulnerabilities: {maxSeverity: low, ignoreUnfixed: true}}",
      "{predicateType: vuln, vulnerabilities: {maxSeverity: low, exceptions: [a]}}",
      "{predicateType: vuln, vulnerabilities: {maxSeverity: low, exceptions: [b]}}",
      "{predicateType: vuln, vulnerabilities: {maxSeverity: low, exceptions: [a, b]}}",
      "{predicateType: slsaprovenance}",
      "{predicateType: slsaprovenance1}",
      "{predicateType: slsaprovenance, provenance: {builder: a}}",
      "{predicateType: slsaprovenance, provenance: {builderPattern: a}}",
      "{predicateType: slsaprovenance, provenance: {builder: b}}",
      "{predicateType: slsaprovenance, provenance: {source: a}}",
      "{predicateType: slsaprovenance, provenance: {buildType: a}}",
      "{predicateType: slsaprovenance, provenance: {materials: [{uri: a}]}}",
      "{predicateType: slsaprovenance, provenance: {materials: [{uriPattern: a}]}}",
      "{predicateType: slsaprovenance, provenance: {materials: [{uri: a}, {uri: a}]}}",
      "{predicateType: slsaprovenance, provenance: {materials: [{digest: "
      "'sha1:0123456789012345678901234567890123456789'}]}}",
      "{predicateType: slsaprovenance, provenance: {materials: [{digest: "
      "'gitCommit:0123456789012345678901234567890123456789'}]}}",
      "{predicateType: slsaprovenance, provenance: {materials: [{uri: a, digest: "
      "'sha1:0123456789012345678901234567890123456789'}]}}",
  };
  std::set<std::string> seen;
  for (const char* yaml : rules) {
    INFO(yaml);
    CHECK(seen.insert(fingerprint(rule_of(yaml))).second);
    CHECK(fingerprint(rule_of(yaml)) == fingerprint(rule_of(yaml)));
  }
  CHECK(fingerprint(rule_of("{name: x, predicateType: slsaprovenance}")) ==
        fingerprint(rule_of("{predicateType: slsaprovenance02, name: x}")));
}
