// SPDX-License-Identifier: Apache-2.0
//
// Random sets of policies, and what policy-controller makes of random images by them: what is carried over
// accepts none that the originals refuse.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>
#include <set>

#include "trust/import/policy_import.h"
#include "trust/policy/trust_policy.h"

namespace kintsugi::trust {
namespace {

using nlohmann::json;
using Signers = std::set<std::string>;

constexpr const char* kImages[] = {"r.io/x/one", "r.io/x/demo", "q.io/y"};
constexpr const char* kGlobs[] = {"**",         "r.io/**", "r.io/x/one@*", "r.io/x/*",
                                  "r.io/**m**", "q.io/y",  "q.io/*",       "*/**"};
constexpr const char* kTypes[] = {"https://t/1", "https://t/2"};
constexpr const char* kSigners[] = {"a", "b", "c"};

/// An image as it is found: who signed it, and who attested what.
struct Found {
  std::string name;
  Signers signed_by;
  std::map<std::string, Signers> attested;
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  bool one_in(unsigned n) { return engine_() % n == 0; }
  template <class T, std::size_t N>
  std::string pick(const T (&from)[N]) {
    return from[engine_() % N];
  }
  Signers signers() {
    Signers out;
    for (const char* one : kSigners) {
      if (one_in(2)) out.insert(one);
    }
    return out;
  }

 private:
  std::mt19937 engine_;
};

json random_authority(Random& random) {
  if (random.one_in(10)) return {{"static", {{"action", random.one_in(2) ? "pass" : "fail"}}}};
  json authority = {{"keyless", {{"identities", json::array()}}}};
  do {
    authority["keyless"]["identities"].push_back(
        {{"issuer", "https://i"}, {"subject", random.pick(kSigners)}});
  } while (random.one_in(3));
  for (const char* type : kTypes) {
    if (!random.one_in(2)) continue;
    json attestation = {{"name", "n"}, {"predicateType", type}};
    if (random.one_in(8)) attestation["policy"] = {{"type", "cue"}, {"data", "x"}};
    authority["attestations"].push_back(std::move(attestation));
  }
  return authority;
}

json random_policy(Random& random, int index) {
  json spec = {{"images", json::array()}, {"authorities", json::array()}};
  do {
    spec["images"].push_back({{"glob", random.pick(kGlobs)}});
  } while (random.one_in(3));
  do {
    spec["authorities"].push_back(random_authority(random));
  } while (random.one_in(2));
  if (random.one_in(10)) spec["mode"] = "warn";
  if (random.one_in(12)) spec["policy"] = {{"type", "cue"}, {"data", "x"}};
  if (random.one_in(12)) spec["match"] = {{{"resource", "pods"}}};
  return {{"apiVersion", "policy.sigstore.dev/v1beta1"},
          {"kind", "ClusterImagePolicy"},
          {"metadata", {{"name", "p" + std::to_string(index)}}},
          {"spec", std::move(spec)}};
}

Found random_image(Random& random) {
  Found image{random.pick(kImages), random.signers(), {}};
  for (const char* type : kTypes) image.attested[type] = random.signers();
  return image;
}

bool meet(const Signers& one, const Signers& other) {
  return std::any_of(one.begin(), one.end(),
                     [&](const std::string& signer) { return other.contains(signer); });
}

/// As pkg/apis/glob of policy-controller.
bool glob_matches(const std::string& glob, const std::string& image) {
  std::string pattern;
  for (std::size_t i = 0; i < glob.size(); ++i) {
    if (glob.compare(i, 2, "**") == 0) {
      pattern += ".*";
      ++i;
    } else {
      pattern += glob[i] == '*' ? "[^/]*" : glob[i] == '.' ? "\\." : std::string(1, glob[i]);
    }
  }
  return std::regex_match(image + "@sha256:" + std::string(64, '0'), std::regex(pattern));
}

/// As ValidatePolicy() of policy-controller. `cue` is what every policy in CUE says: nobody here knows.
bool authority_passes(const json& authority, const Found& image, bool cue) {
  if (authority.contains("static")) return authority["static"]["action"] == "pass";
  Signers allowed;
  for (const json& identity : authority["keyless"]["identities"]) allowed.insert(identity["subject"]);
  if (!authority.contains("attestations")) return meet(allowed, image.signed_by);
  const auto& wanted = authority["attestations"];
  return std::all_of(wanted.begin(), wanted.end(), [&](const json& one) {
    return meet(allowed, image.attested.at(one["predicateType"])) && (cue || !one.contains("policy"));
  });
}

bool policy_passes(const json& spec, const Found& image, bool cue) {
  if (spec.value("mode", "") == "warn") return true;
  const auto& authorities = spec["authorities"];
  return std::any_of(authorities.begin(), authorities.end(),
                     [&](const json& one) { return authority_passes(one, image, cue); }) &&
         (cue || !spec.contains("policy"));
}

/// `matches` is whether what runs the image is what every `match` asks for.
bool originals_accept(const std::vector<json>& policies, const Found& image, bool cue, bool matches) {
  bool selected = false;
  for (const json& policy : policies) {
    const json& spec = policy["spec"];
    const auto& images = spec["images"];
    if (spec.contains("match") && !matches) continue;
    if (std::none_of(images.begin(), images.end(),
                     [&](const json& one) { return glob_matches(one["glob"], image.name); }))
      continue;
    selected = true;
    if (!policy_passes(spec, image, cue)) return false;
  }
  return selected;
}

bool accepts(const TrustPolicySpec& policy, const Found& image) {
  Signers allowed;
  for (const AuthoritySpec& authority : policy.authorities) allowed.insert(authority.identity.subject.text());
  return meet(allowed, image.signed_by) &&
         std::all_of(policy.attestations.begin(), policy.attestations.end(),
                     [&](const AttestationRule& rule) {
                       return meet(allowed, image.attested.at(rule.predicate_type));
                     });
}

bool imported_accept(const ImportedPolicies& imported, const Found& image) {
  const auto reference = ImageReference::parse(image.name).value();
  bool selected = false;
  for (const json& document : imported.documents) {
    ProblemList problems("test");
    const auto policy = parse_trust_policy(from_json(document), problems);
    if (!policy.selects(reference) || policy.mode == TrustPolicySpec::Mode::kWarn) continue;
    selected = true;
    if (!accepts(policy, image)) return false;
  }
  return selected;
}

}  // namespace

TEST_CASE("what is carried over accepts no image that the originals together refuse") {
  Random random(20221);
  std::size_t accepted = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<json> policies;
    do {
      policies.push_back(random_policy(random, int(policies.size())));
    } while (random.one_in(2));
    std::vector<Node> nodes;
    for (const json& policy : policies) nodes.push_back(from_json(policy));
    const auto imported = import_cluster_image_policies(nodes).value();
    for (int i = 0; i < 5; ++i) {
      const Found image = random_image(random);
      if (!imported_accept(imported, image)) continue;
      ++accepted;
      for (const bool cue : {false, true}) {
        for (const bool matches : {false, true}) {
          if (originals_accept(policies, image, cue, matches)) continue;
          FAIL_CHECK(image.name << " by " << json(policies).dump());
        }
      }
    }
  }
  CHECK(accepted > 500);
}

}  // namespace kintsugi::trust
