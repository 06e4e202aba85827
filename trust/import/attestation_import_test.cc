// SPDX-License-Identifier: Apache-2.0
#include "trust/import/attestation_import.h"

#include <catch2/catch.hpp>

namespace kintsugi::trust {
namespace {

struct Reading {
  std::vector<ImportedAttestation> attestations;
  ProblemList problems{""};
};

Reading read(const std::string& yaml) {
  Reading out;
  out.attestations = read_attestations(parse_yaml_document(yaml).value(), "attestations", out.problems);
  return out;
}

std::string with_cue(const std::string& data) {
  return "[{name: a, predicateType: spdxjson, policy: {type: cue, data: '" + data + "'}}]";
}

}  // namespace

TEST_CASE("predicate types are carried over as URIs, by cosign's names") {
  const std::pair<const char*, const char*> cases[] = {
      {"custom", "https://cosign.sigstore.dev/attestation/v1"},
      {"slsaprovenance", "https://slsa.dev/provenance/v0.2"},
      {"slsaprovenance1", "https://slsa.dev/provenance/v1"},
      {"spdx", "https://spdx.dev/Document"},
      {"spdxjson", "https://spdx.dev/Document"},
      {"cyclonedx", "https://cyclonedx.org/bom"},
      {"link", "https://in-toto.io/Link/v1"},
      {"vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"},
      {"openvex", "https://openvex.dev/ns"},
      {"https://example.com/review/v1", "https://example.com/review/v1"},
  };
  for (const auto& [name, uri] : cases) {
    INFO(name);
    const Reading reading = read("[{name: a, predicateType: '" + std::string(name) + "'}]");
    CHECK(reading.problems.empty());
    CHECK(reading.attestations == std::vector<ImportedAttestation>{{"a", uri}});
  }
}

TEST_CASE("a CUE policy that says no more than the predicate type is no loss") {
  CHECK(read(with_cue(R"(predicateType: "https://spdx.dev/Document")")).problems.empty());
  CHECK(read(with_cue(R"(  predicateType:"https://spdx.dev/Document"  )")).problems.empty());
}

TEST_CASE("any other policy is a problem that names it") {
  const std::string policies[] = {
      with_cue(R"(predicateType: "https://spdx.dev/Document", predicate: name: "x")"),
      with_cue(R"(predicateType: "https://slsa.dev/provenance/v1")"),
      with_cue(R"(predicateType: "https://spdx.dev/Document" & "x")"),
      with_cue(R"(predicateType: !="https://spdx.dev/Document")"),
      with_cue(R"(predicateType: =~"https://spdx.dev/Document")"),
      with_cue(R"(predicateTypes: "https://spdx.dev/Document")"),
      with_cue(R"(predicateType: https://spdx.dev/Document)"),
      with_cue(""),
      "[{name: a, predicateType: spdxjson, policy: {type: rego, data: 'predicateType: "
      "\"https://spdx.dev/Document\"'}}]",
      "[{name: a, predicateType: spdxjson, policy: {type: cue, configMapRef: {name: a, key: b}}}]",
      "[{name: a, predicateType: spdxjson, policy: {type: cue, remote: {url: 'https://a', sha256sum: b}}}]",
      "[{name: a, predicateType: spdxjson, policy: {type: cue, data: 'predicateType: "
      "\"https://spdx.dev/Document\"', remote: {url: 'https://a'}}}]",
      "[{name: a, predicateType: spdxjson, policy: {}}]",
  };
  for (const std::string& policy : policies) {
    INFO(policy);
    const Reading reading = read(policy);
    REQUIRE(reading.problems.count() == 1);
    CHECK(reading.problems.all().front().path == "attestations[0].policy");
    CHECK_THAT(reading.problems.all().front().suggestion, Catch::Contains("CEL"));
  }
}

TEST_CASE("what cannot be read is a problem at its place") {
  const std::pair<const char*, const char*> cases[] = {
      {"[{name: a}]", "attestations[0]"},
      {"[{name: a, predicateType: ''}]", "attestations[0].predicateType"},
      {"[{name: a, predicateType: slsa}]", "attestations[0].predicateType"},
      {"[{name: a, predicateType: 'https://a b'}]", "attestations[0].predicateType"},
      {"[{name: a, predicateType: 7}]", "attestations[0].predicateType"},
      {"[{name: a, predicateType: spdx, count: 2}]", "attestations[0]"},
      {"[{name: a, predicateType: spdx, policy: cue}]", "attestations[0].policy"},
      {"[spdx]", "attestations[0]"},
  };
  for (const auto& [yaml, path] : cases) {
    INFO(yaml);
    const Reading reading = read(yaml);
    REQUIRE_FALSE(reading.problems.empty());
    CHECK_THAT(reading.problems.all().front().path, Catch::StartsWith(path));
  }
  std::string many = "[";
  for (int i = 0; i < 17; ++i) many += "{name: a, predicateType: spdx},";
  CHECK(read(many + "]").problems.all().front().path == "attestations");
}

}  // namespace kintsugi::trust
