// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "trust/attestation/attestation_testing.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;

namespace {

const WallTime kNow = at("2026-01-02T00:00:00Z");
const std::string kAttV02 = att_path("6e6f015ba339db3cebd45528a2effa740dfadfeb85a2b4cb328b4cc8e85cad7e");
const std::string kAttV1 = att_path("61e8e0d3f2a44acc1c978643058687bddc050538706fbfff4e8e9966c192a164");
const std::string kAttReview = att_path("5105c53d85f14960418aed5f9e16112778e0be36645087b51fb71a8150316e72");
const std::string kAttSpdx = att_path("892d222a20fba72b2319fed443d19b530453068207224b4ccd907b90f3e1b842");
const std::string kAttCycloneDx =
    att_path("bf88645852ed4579a1fc3a5a8017dec469a2325b403b6752900d3cf580229575");

std::string check_rule(const std::string& yaml, const Statement& statement) {
  return outcome(evaluate(rule_of(yaml), statement, kNow, {}));
}

std::string check_v1(const std::string& rule, const std::string& predicate) {
  return check_rule("{predicateType: slsaprovenance1, provenance: {" + rule + "}}",
                    statement_of(kProvenanceV1Predicate, predicate));
}

}  // namespace

TEST_CASE("real attestations are what they are") {
  const std::pair<std::string, std::string> cases[] = {
      {kAttV02,
       "{predicateType: slsaprovenance, provenance: {builder: https://ci.example.com/builder, "
       "source: git+https://git.example.com/shop, buildType: https://ci.example.com/make}}"},
      {kAttV1,
       "{predicateType: slsaprovenance1, provenance: {builder: https://ci.example.com/builder, "
       "source: git+https://git.example.com/shop, buildType: https://ci.example.com/make}}"},
      {kAttReview, "{predicateType: https://example.com/review/v1, conditions: [predicate.reviewed]}"},
      {kAttSpdx, "{predicateType: spdxjson, conditions: ['predicate.packages.size() == 0']}"},
      {kAttCycloneDx, "predicateType: cyclonedx"},
      {bundle_path("npm-provenance"),
       "{predicateType: slsaprovenance02, provenance: {builder: https://github.com/actions/runner, source: "
       "git+https://github.com/sigstore/sigstore-js@refs/heads/main, buildType: "
       "https://github.com/npm/cli/gha/v2, "
       "materials: [{uriPattern: 'git\\+https://github.com/sigstore/sigstore-js@.*', digest: "
       "'sha1:dae8bd8eb433a4147b4655c00fe73e0f22bc0fb1'}]}}"},
      {bundle_path("sigstore-js-2.0.0"),
       "{predicateType: slsaprovenance1, provenance: {builderPattern: https://github.com/actions/runner/.*, "
       "source: "
       "git+https://github.com/sigstore/sigstore-js@refs/heads/main, materials: [{uriPattern: "
       ".*sigstore-js.*, "
       "digest: 'gitCommit:f0b49a04e5a62250e0f60fb128004a73110fe311'}]}, conditions: "
       "[\"predicate.buildDefinition.externalParameters.workflow.path == "
       "'.github/workflows/release.yml'\"]}"},
      {bundle_path("happy-path"),
       "{predicateType: slsaprovenance1, provenance: {buildType: "
       "https://actions.github.io/buildtypes/workflow/v1, "
       "source: git+https://github.com/loosebazooka/aa-test@refs/heads/main}}"},
      {bundle_path("cosign-oci-attestation"),
       "{predicateType: custom, conditions: [\"predicate.Data.contains('foo')\", "
       "\"timestamp(predicate.Timestamp) < "
       "now\"]}"},
      {bundle_path("conda"), "{predicateType: https://schemas.conda.org/attestations-publish-1.schema.json}"},
  };
  for (const auto& [path, yaml] : cases) {
    INFO(path);
    CHECK(check_rule(yaml, real_statement(path)) == "");
  }
}

TEST_CASE("real provenance of something else is refused, and says why") {
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {kAttV02, "{predicateType: slsaprovenance, provenance: {builder: https://ci.example.com/builder2}}",
       "AttestationRefused: predicate.builder.id is \"https://ci.example.com/builder\", expected "
       "\"https://ci.example.com/builder2\""},
      {kAttV02, "{predicateType: slsaprovenance, provenance: {builderPattern: ci.example.com}}",
       "AttestationRefused: predicate.builder.id is \"https://ci.example.com/builder\", expected "
       "/ci.example.com/"},
      {kAttV02, "{predicateType: slsaprovenance, provenance: {source: git+https://git.example.com/shop2}}",
       "AttestationRefused: predicate.invocation.configSource.uri is"},
      {kAttV02, "{predicateType: slsaprovenance, provenance: {buildTypePattern: https://ci.example.com/mak}}",
       "AttestationRefused: predicate.buildType is"},
      {kAttV02, "{predicateType: slsaprovenance, provenance: {materials: [{uriPattern: .*}]}}",
       "AttestationRefused: predicate.materials has none of 0 entries with uri /.*/ and digest any"},
      {kAttV02, "{predicateType: slsaprovenance1}",
       "AttestationRefused: predicateType is \"https://slsa.dev/provenance/v0.2\", expected"},
      {kAttV1, "{predicateType: slsaprovenance1, provenance: {source: git+https://git.example.com/other}}",
       "AttestationRefused: predicate.buildDefinition.externalParameters.source is"},
      {kAttReview, "{predicateType: https://example.com/review/v1, conditions: ['!predicate.reviewed']}",
       "AttestationRefused: the condition \"!predicate.reviewed\" is not met"},
      {kAttReview, "{predicateType: https://example.com/review/v1, conditions: [predicate.approved]}",
       "AttestationRefused: the condition \"predicate.approved\" has no value: 'predicate.approved': "
       "'predicate' "
       "has no member 'approved'"},
      {kAttReview, "{predicateType: https://example.com/review/v1, conditions: ['true', 'false', 'true']}",
       "AttestationRefused: the condition \"false\""},
      {kAttSpdx, "predicateType: cyclonedx", "AttestationRefused: predicateType is"},
      {bundle_path("npm-provenance"),
       "{predicateType: slsaprovenance02, provenance: {source: git+https://github.com/sigstore/sigstore-js}}",
       "AttestationRefused: predicate.invocation.configSource.uri is"},
      {bundle_path("npm-provenance"),
       "{predicateType: slsaprovenance02, provenance: {materials: [{digest: "
       "'gitCommit:dae8bd8eb433a4147b4655c00fe73e0f22bc0fb1'}]}}",
       "AttestationRefused: predicate.materials has none of 1 entries"},
      {bundle_path("happy-path"),
       "{predicateType: slsaprovenance1, provenance: {source: git+https://github.com/loosebazooka/aa-test}}",
       "AttestationRefused: predicate.buildDefinition.externalParameters.workflow is "
       "\"git+https://github.com/loosebazooka/aa-test@refs/heads/main\""},
  };
  for (const auto& [path, yaml, expected] : cases) {
    INFO(path << " " << yaml);
    CHECK_THAT(check_rule(yaml, real_statement(path)), Catch::StartsWith(expected));
  }
}

TEST_CASE("provenance v1 names its source in several ways, each of which has to fit") {
  const auto with = [](const std::string& parameters) {
    return R"({"buildDefinition":{"externalParameters":)" + parameters + "}}";
  };
  for (const char* good :
       {R"({"source":"git+https://x/y@main"})", R"({"source":{"uri":"git+https://x/y@main"}})",
        R"({"configSource":{"uri":"git+https://x/y@main"}})",
        R"({"workflow":{"repository":"https://x/y","ref":"main"}})",
        R"({"buildConfigSource":{"repository":"git+https://x/y","ref":"main"}})",
        R"({"source":"git+https://x/y@main","workflow":{"repository":"https://x/y","ref":"main"}})"}) {
    INFO(good);
    CHECK(check_v1("source: git+https://x/y@main", with(good)) == "");
  }
  for (const char* bad :
       {"{}", "null", "[]", R"("git+https://x/y@main")", R"({"source":null})",
        R"({"source":["git+https://x/y@main"]})", R"({"source":"git+https://x/y@Main"})",
        R"({"source":"git+https://x/y@main "})", R"({"Source":"git+https://x/y@main"})",
        R"({"source":{"url":"git+https://x/y@main"}})", R"({"workflow":{"repository":"https://x/y"}})",
        R"({"workflow":{"repository":"https://x/y@main","ref":"main"}})",
        R"({"source":"git+https://x/y@main","workflow":{"repository":"https://evil","ref":"main"}})",
        R"({"source":"git+https://x/y@main","configSource":{"uri":"git+https://evil"}})"}) {
    INFO(bad);
    CHECK_THAT(check_v1("source: git+https://x/y@main", with(bad)),
               Catch::StartsWith("AttestationRefused: predicate.buildDefinition"));
  }
}

TEST_CASE("provenance that is not of its form is malformed") {
  for (const char* predicate :
       {"{}", R"({"runDetails":null})", R"({"runDetails":{"builder":{}}})",
        R"({"runDetails":{"builder":{"id":1}}})", R"({"runDetails":{"builder":{"id":null}}})",
        R"({"runDetails":{"builder":"b"}})", R"({"runDetails":[{"builder":{"id":"b"}}]})",
        R"({"builder":{"id":"b"}})", "null", "[]", "1", R"("x")", R"("[]")", R"("{\"runDetails\":")",
        R"("{\"runDetails\":{\"builder\":{\"id\":\"a\",\"id\":\"b\"}}}")"}) {
    INFO(predicate);
    CHECK_THAT(check_v1("builder: b", predicate), Catch::StartsWith("AttestationMalformed: "));
  }
  CHECK(check_v1("builder: b", R"({"runDetails":{"builder":{"id":"b"}}})") == "");
  CHECK(check_v1("builder: b", R"("{\"runDetails\":{\"builder\":{\"id\":\"b\"}}}")") == "");
  CHECK_THAT(check_v1("builder: b", R"({"runDetails":{"builder":{"id":"\u001b[2J\u202e"}}})"),
             Catch::EndsWith(R"(is "\x1b[2J\u{202e}", expected "b")"));
  CHECK_THAT(check_v1("materials: [{uri: a}]", R"({"buildDefinition":{"resolvedDependencies":{}}})"),
             Catch::StartsWith("AttestationMalformed: "));
}

TEST_CASE("uri and digest of a material have to be those of one entry") {
  const std::string commit(40, '1');
  const auto with = [](const std::string& list) {
    return R"({"buildDefinition":{"resolvedDependencies":)" + list + "}}";
  };
  const std::string rule = "materials: [{uri: a, digest: 'gitCommit:" + commit + "'}, {uriPattern: b+}]";
  const std::string good = R"({"uri":"a","digest":{"gitCommit":")" + commit + R"("}})";
  CHECK(check_v1(rule, with("[{\"uri\":\"bb\"}," + good + "]")) == "");
  for (const std::string& bad :
       {std::string("[]"), std::string("null"), "[" + good + "]", std::string(R"([{"uri":"b"}])"),
        R"([{"uri":"b"},{"uri":"a"},{"uri":"c","digest":{"gitCommit":")" + commit + R"("}}])",
        R"([{"uri":"b"},{"uri":"a","digest":{"sha1":")" + commit + R"("}}])",
        R"([{"uri":"b"},{"uri":"a","digest":{"gitCommit":")" + commit.substr(1) + R"("}}])",
        R"([{"uri":"b"},{"uri":"a","digest":")" + commit + R"("}])", "[{\"uri\":\"cb\"}," + good + "]",
        std::string(R"(["b",{"uri":"x"}])"), "[[" + good + "],{\"uri\":\"b\"}]"}) {
    INFO(bad);
    CHECK_THAT(check_v1(rule, with(bad)), Catch::StartsWith("AttestationRefused: "));
  }
}

TEST_CASE("a list of components has to be of its format") {
  const std::tuple<const char*, const char*, const char*, bool> cases[] = {
      {"spdx", kSpdxPredicate, R"({"spdxVersion":"SPDX-2.3"})", true},
      {"spdx", kSpdxPredicate, R"("{\"spdxVersion\":\"SPDX-2.3\"}")", true},
      {"cyclonedx", kCycloneDxPredicate, R"({"bomFormat":"CycloneDX"})", true},
      {"spdx", kSpdxPredicate, "{}", false},
      {"spdx", kSpdxPredicate, "null", false},
      {"spdx", kSpdxPredicate, "[]", false},
      {"spdx", kSpdxPredicate, R"("SPDXVersion: SPDX-2.3")", false},
      {"spdx", kSpdxPredicate, R"({"spdxVersion":"2.3"})", false},
      {"spdx", kSpdxPredicate, R"({"spdxVersion":2.3})", false},
      {"spdx", kSpdxPredicate, R"({"bomFormat":"CycloneDX"})", false},
      {"https://spdx.dev/Document/v2.3", "https://spdx.dev/Document/v2.3", "{}", false},
      {"cyclonedx", kCycloneDxPredicate, "{}", false},
      {"cyclonedx", kCycloneDxPredicate, R"({"bomFormat":"cyclonedx"})", false},
      {"cyclonedx", kCycloneDxPredicate, R"({"bomFormat":null})", false},
      {"cyclonedx", kCycloneDxPredicate, R"({"spdxVersion":"SPDX-2.3"})", false},
      {"cyclonedx", kCycloneDxPredicate, R"("<bom/>")", false},
  };
  for (const auto& [name, type, predicate, good] : cases) {
    INFO(name << " " << predicate);
    const std::string result =
        check_rule("predicateType: " + std::string(name), statement_of(type, predicate));
    CHECK(result.starts_with(good ? "" : "AttestationMalformed: "));
    CHECK(result.empty() == good);
  }
}

TEST_CASE("conditions see the whole statement") {
  const Statement statement = statement_of("https://example.com/t", R"({"a":1})");
  CHECK(check_rule("{predicateType: https://example.com/t, conditions: [\"subject[0].name == 'shop' && "
                   "subject[0].digest.sha256.startsWith('aaaa') && predicateType.endsWith('/t')\", "
                   "\"now == timestamp('2026-01-02T00:00:00Z')\"]}",
                   statement) == "");
  CHECK_THAT(
      check_rule("{predicateType: https://example.com/t, conditions: [\"subject.exists(s, s.name == 'x')\"]}",
                 statement),
      Catch::Contains("is not met"));
}
