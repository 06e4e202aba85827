// SPDX-License-Identifier: Apache-2.0
#include "trust/import/policy_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "trust/policy/trust_policy.h"

namespace kintsugi::trust {
namespace {

using nlohmann::json;
using Kind = ImportRemark::Kind;
using Names = std::vector<std::string>;

constexpr char kKeyless[] = "{keyless: {identities: [{issuer: 'https://i', subject: s}]}}";
constexpr char kAttested[] =
    "{keyless: {identities: [{issuer: 'https://i', subject: s}]}, attestations: [{name: a, predicateType: "
    "vuln}]}";

ImportedPolicies import_text(const std::string& yaml) {
  return import_cluster_image_policies(parse_yaml_documents(yaml).value()).value();
}

ImportedPolicies import_example(const std::string& name) {
  return import_text(read_file("trust/testdata/import/" + name + ".yaml", 1u << 20).value());
}

std::string policy(const std::string& name, const std::string& glob, const std::string& authorities,
                   const std::string& more = "") {
  return fmt::format(
      "---\napiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {{name: {}}}\n"
      "spec: {{images: [{{glob: '{}'}}], authorities: [{}]{}}}\n",
      name, glob, authorities, more);
}

Names names_of(const ImportedPolicies& imported) {
  Names names;
  for (const json& document : imported.documents) names.push_back(document["metadata"]["name"]);
  return names;
}

bool has(const ImportedPolicies& imported, Kind kind, const std::string& path) {
  return std::any_of(imported.remarks.begin(), imported.remarks.end(), [&](const ImportRemark& one) {
    return one.kind == kind && one.path == path && !one.text.empty();
  });
}

/// As the loader reads it.
TrustPolicySpec load(const json& document) {
  ProblemList problems("test");
  auto spec = parse_trust_policy(from_json(document), problems);
  for (const Problem& problem : problems.all()) FAIL_CHECK(problem.to_string());
  return spec;
}

}  // namespace

TEST_CASE("policy-controller's own examples are carried over, or left out by the field's name") {
  struct Example {
    const char* name;
    bool written;
    Kind kind;
    const char* path;
  };
  const Example examples[] = {
      {"signed-by-github-actions", true, Kind::kNote, "spec.authorities[0].keyless"},
      {"keyless-attestation-sbom-spdxjson", true, Kind::kLost, "spec.authorities[0].attestations"},
      {"custom-key-attestation-sbom-spdxjson", false, Kind::kLost, "spec.authorities[0].ctlog"},
      {"signed-by-aws-kms-key", false, Kind::kLost, "spec.authorities[0].key.kms"},
      {"signed-by-gcp-kms-key", false, Kind::kLost, "spec.authorities[0].key.kms"},
      {"release-signed-by-github-actions", false, Kind::kLost, "spec.images[0].glob"},
      {"allow-only-pods", false, Kind::kLeftOut, "spec.policy"},
      {"cip-key-and-keyless", false, Kind::kLost, "spec.images[0].glob"},
      {"cip-key-and-keyless-ignore-sct", false, Kind::kLost, "spec.images[0].glob"},
      {"cip-key-hash-algorithm", false, Kind::kLost, "spec.authorities[0].key.hashAlgorithm"},
      {"cip-key-no-rekor", false, Kind::kLost, "spec.images[0].glob"},
      {"cip-key-secret", false, Kind::kLost, "spec.authorities[0].ctlog"},
      {"cip-key-tsa", false, Kind::kLost, "spec.authorities[0].rfc3161timestamp"},
      {"cip-keyless-warn", false, Kind::kLost, "spec.mode"},
      {"cip-keyless-with-attestations-rego", false, Kind::kLost,
       "spec.authorities[0].attestations[0].policy"},
      {"cip-keyless-with-source", false, Kind::kLost, "spec.authorities[0].source[0].oci"},
      {"cip-keyless-with-trustroot-with-attestations", false, Kind::kLost,
       "spec.authorities[0].attestations[0].policy"},
      {"cip-match-resource-label", false, Kind::kLeftOut, "spec.match"},
      {"cip-requires-two-signatures-and-two-attestations", false, Kind::kLeftOut, "spec.policy"},
      {"cip-static-fail", false, Kind::kLeftOut, "spec.images"},
      {"v1beta1-valid-policy", false, Kind::kLost, "spec.authorities[0].keyless.ca-cert"},
      {"valid-policy-match-resource", false, Kind::kLeftOut, "spec.match"},
  };
  for (const Example& example : examples) {
    INFO(example.name);
    const auto imported = import_example(example.name);
    CHECK(imported.documents.size() == (example.written ? 1u : 0u));
    CHECK(has(imported, example.kind, example.path));
    CHECK(imported.is_complete() == (example.kind == Kind::kNote));
    for (const json& document : imported.documents) load(document);
  }
}

TEST_CASE("a whole policy reads as its original") {
  const auto imported = import_example("signed-by-github-actions");
  const auto spec = load(imported.documents.at(0));
  CHECK(spec.name == "image-is-signed-by-github-actions");
  CHECK(spec.images.at(0).text() == "**");
  REQUIRE(spec.authorities.size() == 1);
  CHECK(spec.authorities[0].name == "authority-0");
  CHECK(spec.authorities[0].identity.issuer.text() == "https://token.actions.githubusercontent.com");
  CHECK_FALSE(spec.authorities[0].identity.subject.is_pattern());
  CHECK(spec.attestations.empty());
}

TEST_CASE("attestations in place of a signature are asked for beside one") {
  const auto imported = import_example("keyless-attestation-sbom-spdxjson");
  const auto spec = load(imported.documents.at(0));
  REQUIRE(spec.attestations.size() == 1);
  CHECK(spec.attestations[0].name == "must-have-spdxjson");
  CHECK(spec.attestations[0].predicate_type == "https://spdx.dev/Document");
  CHECK(spec.attestations[0].conditions.empty());
  const auto vex = import_text(
      policy("a", "**", std::string(kAttested).replace(std::string(kAttested).find("vuln"), 4, "openvex")));
  // Other versions of OpenVEX have other types.
  CHECK(load(vex.documents.at(0)).attestations.at(0).conditions.size() == 1);
}

TEST_CASE("of authorities with and without attestations those are taken that together accept no more") {
  const std::string same = fmt::format("{}, {}", kAttested, kAttested);
  const std::string two_types =
      "{keyless: {identities: [{issuer: 'https://i', subject: s}]}, attestations: [{name: a, predicateType: "
      "vuln},"
      " {name: b, predicateType: spdx}]}";
  struct Case {
    std::string authorities;
    std::size_t signers, attestations;
    const char* lost;
  };
  const Case cases[] = {
      {kKeyless, 1, 0, ""},
      {fmt::format("{}, {}", kKeyless, kAttested), 1, 0, "spec.authorities[1].attestations"},
      {fmt::format("{}, {}", kAttested, kKeyless), 1, 0, "spec.authorities[0].attestations"},
      {same, 2, 1, "spec.authorities[1].attestations"},
      {two_types, 1, 2, "spec.authorities[0].attestations"},
      {two_types + ", " + two_types, 1, 2, "spec.authorities[1].attestations"},
      {fmt::format("{}, {}", kAttested, two_types), 1, 1, "spec.authorities[1].attestations"},
      {fmt::format("{}, {}", two_types, kAttested), 1, 2, "spec.authorities[1].attestations"},
      {fmt::format("{}, {{key: {{kms: x}}}}", kKeyless), 1, 0, "spec.authorities[1].key.kms"},
      {fmt::format("{}, {{static: {{action: pass}}}}", kKeyless), 1, 0, "spec.authorities[1].static"},
  };
  for (const Case& one : cases) {
    INFO(one.authorities);
    const auto imported = import_text(policy("a", "**", one.authorities));
    const auto spec = load(imported.documents.at(0));
    CHECK(spec.authorities.size() == one.signers);
    CHECK(spec.attestations.size() == one.attestations);
    CHECK((*one.lost == '\0' || has(imported, Kind::kLost, one.lost)));
    CHECK(imported.is_complete() == (*one.lost == '\0'));
  }
}

TEST_CASE("a policy that refuses everything does so here") {
  for (const char* authorities :
       {"{static: {action: fail}}", "{static: {action: fail}}, {static: {action: fail}}"}) {
    const auto imported = import_text(policy("a", "**", authorities));
    const auto spec = load(imported.documents.at(0));
    REQUIRE(spec.authorities.size() == 1);
    CHECK(spec.authorities[0].identity.issuer.text() == "https://nobody.invalid");
    CHECK(imported.is_complete());
  }
  const auto beside =
      import_text(policy("a", "**", fmt::format("{{static: {{action: fail}}}}, {}", kKeyless)));
  CHECK(load(beside.documents.at(0)).authorities.size() == 1);
  CHECK(beside.documents[0]["spec"]["authorities"][0]["name"] == "authority-1");
  // One that might have accepted something is not turned into nobody.
  CHECK(import_text(policy("a", "**", "{static: {action: fail}}, {key: {kms: x}}")).documents.empty());
}

TEST_CASE("a policy that would accept more, or that is not understood, is left out") {
  const std::tuple<std::string, std::string, const char*> cases[] = {
      {kKeyless, ", policy: {type: cue, data: x}", "spec.policy"},
      {kKeyless, ", policy: {}", "spec.policy"},
      {kKeyless, ", match: [{resource: pods}]", "spec.match"},
      {kKeyless, ", match: {resource: pods}", "spec.match"},
      {kKeyless, ", mode: audit", "spec.mode"},
      {kKeyless, ", mode: 1", "spec.mode"},
      {kKeyless, ", threshold: 2", "spec"},
      {"", "", "spec.authorities"},
      {"{static: {action: pass}}", "", "spec.authorities"},
      {"{key: {kms: x}}", "", "spec.authorities"},
  };
  for (const auto& [authorities, more, path] : cases) {
    INFO(authorities << more);
    const auto imported = import_text(policy("a", "**", authorities, more));
    CHECK(imported.documents.empty());
    CHECK_FALSE(imported.is_complete());
    CHECK(has(imported, Kind::kLeftOut, path));
  }
}

TEST_CASE("a document that is malformed is left out, with the place of what is wrong") {
  const std::string head = "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\n";
  const std::string good_spec =
      fmt::format("spec: {{images: [{{glob: '**'}}], authorities: [{}]}}\n", kKeyless);
  const std::pair<std::string, const char*> cases[] = {
      {"apiVersion: cosigned.sigstore.dev/v1alpha1\nkind: ClusterImagePolicy\nmetadata: {name: a}\n" +
           good_spec,
       "apiVersion"},
      {"kind: ClusterImagePolicy\nmetadata: {name: a}\n" + good_spec, ""},
      {head + good_spec, ""},
      {head + "metadata: {}\n" + good_spec, "metadata"},
      {head + "metadata: {name: 'A/b'}\n" + good_spec, "metadata.name"},
      {head + "metadata: {name: ''}\n" + good_spec, "metadata.name"},
      {head + "metadata: {name: a, owner: b}\n" + good_spec, "metadata"},
      {head + "metadata: {name: a, labels: {a: 1}}\n" + good_spec, "metadata.labels.a"},
      {head + "metadata: {name: a}\n", ""},
      {head + "metadata: {name: a}\nspec: 7\n", "spec"},
      {head + "metadata: {name: a}\nspec: {}\n", "spec"},
      {head + "metadata: {name: a}\ndata: {}\n" + good_spec, ""},
      {head + "metadata: {name: a}\nspec: {images: [], authorities: []}\n", "spec.images"},
      {head + "metadata: {name: a}\nspec: {images: [{regex: a}], authorities: []}\n", "spec.images[0]"},
      {head + "metadata: {name: a}\nspec: {images: [{glob: 'a?'}], authorities: []}\n",
       "spec.images[0].glob"},
      {head + "metadata: {name: a}\nspec: {images: ['**'], authorities: []}\n", "spec.images[0]"},
  };
  for (const auto& [yaml, path] : cases) {
    INFO(yaml);
    const auto imported = import_text(yaml);
    CHECK(imported.documents.empty());
    REQUIRE_FALSE(imported.remarks.empty());
    CHECK(has(imported, Kind::kLeftOut, path));
  }
}

TEST_CASE("a policy beside one that is left out is left out, too, where both may select an image") {
  const std::string missing = ", policy: {type: cue, data: x}";
  const std::pair<std::string, Names> cases[] = {
      // Both had to accept images of r.io/a: b alone would accept more.
      {policy("a", "r.io/a/**", kKeyless, missing) + policy("b", "**", kKeyless), {}},
      {policy("a", "r.io/a/**", kKeyless, missing) + policy("b", "r.io/b/**", kKeyless), {"b"}},
      {policy("b", "r.io/b/**", kKeyless) + policy("a", "r.io/a/**", kKeyless, missing), {"b"}},
      // By way of another.
      {policy("c", "r.io/b/**", kKeyless) + policy("b", "r.io/**", kKeyless) +
           policy("a", "r.io/a/**", kKeyless, missing) + policy("d", "q.io/**", kKeyless),
       {"d"}},
      // What was only warned of refused nothing.
      {policy("a", "r.io/a/**", kKeyless, missing + ", mode: warn") + policy("b", "**", kKeyless), {"b"}},
      {policy("a", "r.io/a/**", "{static: {action: pass}}") + policy("b", "**", kKeyless), {"b"}},
      {policy("a", "r.io/a/**", "{static: {action: pass}}", missing) + policy("b", "**", kKeyless), {}},
      // Nobody knows what it selects.
      {policy("a", "q.io/**demo**", kKeyless) + policy("b", "r.io/b/**", kKeyless), {}},
      {policy("a", "q.io/a/**", kKeyless, ", images2: []") + policy("b", "r.io/b/**", kKeyless), {}},
      // It selects nothing.
      {policy("a", "q.io/a/b:1", kKeyless) + policy("b", "r.io/b/**", kKeyless), {"b"}},
      // Of several of one name the last would be in force.
      {policy("a", "q.io/**", kKeyless) + policy("a", "r.io/**", kKeyless) + policy("b", "s.io/**", kKeyless),
       {"b"}},
      {policy("a", "q.io/**", kKeyless) + policy("b", "**", "{static: {action: fail}}"), {"a", "b"}},
  };
  for (const auto& [yaml, names] : cases) {
    INFO(yaml);
    const auto imported = import_text(yaml);
    CHECK(names_of(imported) == names);
  }
}

TEST_CASE("a glob that does not carry over is left away, and what others say of its images with it") {
  const std::string images = "r.io/a/**'}, {glob: 'r.io/b/**demo**";
  const auto alone = import_text(policy("a", images, kKeyless));
  CHECK(names_of(alone) == Names{"a"});
  CHECK(has(alone, Kind::kLost, "spec.images[1].glob"));
  CHECK(names_of(import_text(policy("a", images, kKeyless) + policy("b", "q.io/**", kKeyless))) ==
        Names{"a"});
  const std::string both = policy("a", images, kKeyless) + policy("b", images, kKeyless);
  CHECK(import_text(both).documents.empty());
}

TEST_CASE("lists are read, and what is no policy is named") {
  const std::string list =
      "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}\nitems:\n"
      "- apiVersion: policy.sigstore.dev/v1beta1\n  kind: ClusterImagePolicy\n"
      "  metadata: {name: a, uid: u, generation: 2, labels: {team: shop}, annotations: "
      "{kubectl.kubernetes.io/last-applied-configuration: '{}', note: x}}\n"
      "  spec: {mode: enforce, images: [{glob: '**'}], authorities: [" +
      std::string(kKeyless) + "]}\n  status: {conditions: []}\n";
  const auto imported = import_text(list);
  CHECK(names_of(imported) == Names{"a"});
  CHECK(imported.documents[0]["metadata"] == json({{"name", "a"}, {"labels", {{"team", "shop"}}}}));
  CHECK(has(imported, Kind::kLost, "metadata.annotations.note"));
  CHECK(imported.remarks.size() == 2);

  const auto root = import_example("bring-your-own-keys");
  CHECK(root.documents.empty());
  REQUIRE(root.remarks.size() == 1);
  CHECK_THAT(root.remarks[0].to_string(), Catch::StartsWith("TrustRoot my-sigstore-keys: left out: "));
  CHECK_THAT(root.remarks[0].advice, Catch::Contains("trusted_root.json"));
  for (const char* other :
       {"7", "[]", "{}", "kind: 7", "kind: Pod", "kind: List\nitems: {}", "kind: List",
        "kind: List\nitems: []\nmore: 1", "kind: List\nitems: [{kind: List, items: []}]"}) {
    INFO(other);
    const auto foreign = import_text(other);
    CHECK(foreign.documents.empty());
    CHECK_FALSE(foreign.is_complete());
  }
  CHECK(import_text("").is_complete());
}

TEST_CASE("remarks are one line each, whatever a document says") {
  const auto imported = import_text(
      "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: "
      "\"a\\e[31m\\nb\"}\n"
      "spec: {images: [{glob: \"\\e[31m\\n\"}], authorities: [], \"x\\ny\": 1}\n---\nkind: \"\\e[31m\\n\"\n");
  CHECK(imported.remarks.size() > 3);
  for (const ImportRemark& remark : imported.remarks) {
    const std::string line = remark.to_string();
    INFO(line);
    CHECK(std::none_of(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\x1b'; }));
  }
}

TEST_CASE("too much is refused before it is read") {
  std::string many;
  for (int i = 0; i < 101; ++i) many += "---\n{}\n";
  const auto import_documents = [](const std::string& yaml) {
    return import_cluster_image_policies(parse_yaml_documents(yaml).value());
  };
  CHECK(import_documents(many).error().code == ErrorCode::kTooLarge);
  std::string items = "kind: List\nitems: [";
  for (int i = 0; i < 101; ++i) items += "{}, ";
  CHECK(import_documents(items + "]").error().code == ErrorCode::kTooLarge);
  std::string globs = "r.io/a/**";
  for (int i = 0; i < 256; ++i) globs += fmt::format("'}}, {{glob: 'r.io/a{}/**", i);
  const auto one_policy = import_text(policy("a", globs, kKeyless));
  CHECK(one_policy.documents.empty());
  CHECK(has(one_policy, Kind::kLeftOut, "spec.images"));
  std::string policies;
  for (int i = 0; i < 4; ++i) policies += policy(fmt::format("a{}", i), globs, kKeyless);
  CHECK(import_documents(policies).error().code == ErrorCode::kTooLarge);
  std::string authorities;
  for (int i = 0; i < 33; ++i) authorities += std::string(kKeyless) + ", ";
  const auto first = import_text(policy("a", "**", authorities));
  CHECK(load(first.documents.at(0)).authorities.size() == 32);
  CHECK(has(first, Kind::kLost, "spec.authorities"));
}

}  // namespace kintsugi::trust
