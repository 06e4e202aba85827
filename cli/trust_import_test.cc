// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "cli/trust_test_program.h"
#include "trust/policy/trust_policy.h"
#include "trust/testing/fake_registry.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

const std::string kData = "trust/testdata/import/";
constexpr char kPolicies[] =
    "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: shop}\n"
    "spec: {images: [{glob: 'ghcr.io/shop/**'}], authorities: [{static: {action: fail}}]}\n---\n"
    "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: tools}\n"
    "spec: {images: [{glob: 'ghcr.io/tools/**'}], authorities: [{keyless: {trustRootRef: mine, identities: "
    "[{issuer: 'https://i', subject: 'yes'}]}}]}\n";

Ending run_import(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "import");
  return run_trust_program(std::move(arguments), trust::testing::SkippingClock());
}

/// A file for the time of a test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text)
      : path_("/tmp/kintsugi-trust-import-" + std::to_string(::getpid()) + ".yaml") {
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

std::vector<std::string> names_of(const std::vector<Node>& documents) {
  std::vector<std::string> names;
  for (const Node& document : documents) {
    ProblemList problems("test");
    names.push_back(trust::parse_trust_policy(document, problems).name);
    CHECK(problems.empty());
  }
  return names;
}

std::ptrdiff_t lines_of(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

}  // namespace

TEST_CASE("trust import writes TrustPolicies that the loader reads, as YAML documents or as one List") {
  const TemporaryFile file(kPolicies);
  const std::vector<std::string> expected = {"shop", "tools"};
  const Ending yaml = run_import({file.path()});
  CHECK(yaml.code == ExitCode::kDone);
  CHECK(names_of(parse_yaml_documents(yaml.out).value()) == expected);
  CHECK_THAT(yaml.out, Catch::Contains("\n---\n"));
  CHECK(run_import({file.path(), "-o", "yaml"}).out == yaml.out);

  const Ending as_json = run_import({file.path(), "-o", "json"});
  CHECK(as_json.code == ExitCode::kDone);
  const auto list = parse_json_document(as_json.out).value();
  CHECK(list.find("kind")->text == "List");
  CHECK(names_of(list.find("items")->items) == expected);
  CHECK(as_json.err == yaml.err);
}

TEST_CASE("trust import notes what has to be provided, a line each") {
  const TemporaryFile file(kPolicies);
  const Ending ending = run_import({file.path()});
  std::istringstream lines(ending.err);
  std::string line;
  while (std::getline(lines, line)) CHECK_THAT(line, Catch::StartsWith("note: policy "));
  CHECK_THAT(ending.err,
             Catch::Contains("spec.authorities[0].keyless.trustRootRef: written as ConfigMap mine"));
}

TEST_CASE("trust import says what does not carry over, and ends with 1") {
  const Ending left_out = run_import({kData + "allow-only-pods.yaml"});
  CHECK(left_out.code == ExitCode::kError);
  CHECK(left_out.out.empty());
  CHECK_THAT(left_out.err,
             Catch::Contains("policy image-policy-typemeta-allow-only-pods, spec.policy: left out: "));

  const Ending as_json = run_import({kData + "allow-only-pods.yaml", "-o", "json"});
  CHECK(as_json.code == ExitCode::kError);
  CHECK(json::parse(as_json.out)["items"].empty());

  const Ending lost = run_import({kData + "keyless-attestation-sbom-spdxjson.yaml"});
  CHECK(lost.code == ExitCode::kError);
  CHECK(names_of(parse_yaml_documents(lost.out).value()).size() == 1);
  CHECK_THAT(lost.err, Catch::Contains(
                           "\npolicy keyless-attestation-sbom-spdxjson, spec.authorities[0].attestations: "));
}

TEST_CASE("trust import refuses a file that it cannot read, in one line") {
  const auto refused = [](const std::string& path, const char* why) {
    INFO(path);
    const Ending ending = run_import({path});
    CHECK(ending.code == ExitCode::kError);
    CHECK(ending.out.empty());
    CHECK(lines_of(ending.err) == 1);
    CHECK_THAT(ending.err, Catch::StartsWith("kintsugi: ") && Catch::Contains(why));
  };
  refused("/nonexistent", "/nonexistent");
  refused("/tmp", "/tmp");
  refused("cli/trust_import_test.cc", "cli/trust_import_test.cc");
  const TemporaryFile empty("# nothing\n");
  refused(empty.path(), "no ClusterImagePolicy");
}

TEST_CASE("trust import refuses too large, too deep and ambiguous files") {
  const std::pair<std::string, const char*> cases[] = {
      {std::string((1u << 20) + 1, '#'), "1048576"},
      {"a: " + std::string(100, '[') + std::string(100, ']'), "deep"},
      {"kind: a\nkind: b\n", "kind"},
      {"a: &x 1\nb: *x\n", ""},
      {"kind: [\n", ""},
      {std::string("kind: \xff\n"), ""},
  };
  for (const auto& [text, why] : cases) {
    const TemporaryFile file(text);
    const Ending ending = run_import({file.path()});
    INFO(ending.err);
    CHECK(ending.code == ExitCode::kError);
    CHECK(ending.out.empty());
    CHECK(lines_of(ending.err) == 1);
    CHECK_THAT(ending.err, Catch::Contains(why));
  }
}

TEST_CASE("trust import that is used wrongly ends with 2") {
  const std::vector<std::string> cases[] = {{},
                                            {"a.yaml", "b.yaml"},
                                            {"a.yaml", "-o", "text"},
                                            {"a.yaml", "--policy", "b.yaml"},
                                            {"a.yaml", "--key", "k.pub"}};
  for (const auto& arguments : cases) {
    const Ending ending = run_import(arguments);
    CHECK(ending.code == ExitCode::kWrongUse);
    CHECK(ending.out.empty());
    CHECK_FALSE(ending.err.empty());
  }
  const Ending help = run_import({"--help"});
  CHECK(help.code == ExitCode::kDone);
  CHECK_THAT(help.out, Catch::Contains("trust import cluster-image-policies.yaml") &&
                           Catch::Contains("0 everything has carried over"));
}

}  // namespace kintsugi::cli
