// SPDX-License-Identifier: Apache-2.0
#include "trust/import/policy_translation.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/escape.h"
#include "base/kubernetes_name.h"
#include "trust/attestation/predicate_type.h"
#include "trust/import/authority_import.h"
#include "trust/import/glob_import.h"

namespace kintsugi::trust {
namespace {

using nlohmann::json;
using Kind = ImportedAuthority::Kind;

constexpr std::size_t kMaxAuthorities = 32;
constexpr std::size_t kMaxImages = 256;
constexpr std::size_t kMaxNameBytes = 63;
constexpr char kLastApplied[] = "kubectl.kubernetes.io/last-applied-configuration";

/// "policy release-images", or where there is no name the place.
std::string name_object(const Node& document, const std::string& place) {
  const Node* metadata = document.find("metadata");
  const Node* name = metadata == nullptr ? nullptr : metadata->find("name");
  if (name == nullptr || name->kind != Node::Kind::kString) return place;
  return "policy " + escape(name->text, 253);
}

/// ".invalid" is reserved: no issuer can be there (RFC 2606).
json nobody() {
  return {{"name", "nobody"}, {"keyless", {{"issuer", "https://nobody.invalid"}, {"subject", "nobody"}}}};
}

json attestation_rule(const ImportedAttestation& wanted) {
  json rule = {{"predicateType", wanted.predicate_type}};
  if (!wanted.name.empty() && wanted.name.size() <= kMaxNameBytes) rule["name"] = wanted.name;
  // A rule for OpenVEX is about each of its versions, the original about none but this type.
  if (wanted.predicate_type == kOpenVexPredicate)
    rule["conditions"] = {fmt::format("predicateType == \"{}\"", kOpenVexPredicate)};
  return rule;
}

class PolicyImport {
 public:
  PolicyImport(const Node& document, const std::string& place)
      : document_(document), out_(name_object(document, place)), problems_("") {}

  PolicyTranslation run();

 private:
  void read_metadata(const Node& node);
  void read_annotations(const Node& node);
  void read_spec(const Node& node);
  void read_images(const Node& list);
  void read_image(const Node& node, const std::string& path);
  void read_authorities(const Node& list);
  void choose_signers();
  void take(const ImportedAuthority& authority);
  void take_attested();
  void leave_static_away();
  bool has(Kind kind) const;
  void leave_out(std::string path, std::string text, std::string advice = {});

  const Node& document_;
  PolicyTranslation out_;
  ProblemList problems_;  ///< any of them: what the original means is not known
  bool left_out_ = false;
  bool warns_ = false;
  json metadata_ = json::object();
  std::vector<ImportedAuthority> authorities_;
  json signers_ = json::array();
  json attestations_ = json::array();
};

void PolicyImport::leave_out(std::string path, std::string text, std::string advice) {
  out_.remarks.left_out(std::move(path), std::move(text), std::move(advice));
  left_out_ = true;
}

PolicyTranslation PolicyImport::run() {
  ObjectReader root(document_, "", {"apiVersion", "kind", "metadata", "spec", "status"}, problems_);
  std::string version;
  if (root.string("apiVersion", version, Presence::kRequired) && version != "policy.sigstore.dev/v1alpha1" &&
      version != "policy.sigstore.dev/v1beta1")
    root.report("apiVersion", "neither policy.sigstore.dev/v1alpha1 nor v1beta1");
  if (const Node* metadata = root.object("metadata", Presence::kRequired)) read_metadata(*metadata);
  if (const Node* spec = root.object("spec", Presence::kRequired)) read_spec(*spec);
  if (!problems_.empty()) {
    out_.remarks.add(problems_, ImportRemark::Kind::kLeftOut);
    out_.selects_more = out_.restricts = left_out_ = true;
  }
  if (left_out_) return std::move(out_);
  out_.document = {{"apiVersion", "kintsugi.dev/v1alpha1"},
                   {"kind", "TrustPolicy"},
                   {"metadata", std::move(metadata_)},
                   {"spec", {{"images", out_.images}, {"authorities", std::move(signers_)}}}};
  if (warns_) (*out_.document)["spec"]["mode"] = "warn";
  if (!attestations_.empty()) (*out_.document)["spec"]["attestations"] = std::move(attestations_);
  return std::move(out_);
}

/// What the API server and controllers write is passed over, as it is in a TrustPolicy.
void PolicyImport::read_metadata(const Node& node) {
  ObjectReader reader(node, "metadata",
                      {"name", "labels", "annotations", "creationTimestamp", "deletionGracePeriodSeconds",
                       "deletionTimestamp", "finalizers", "generation", "managedFields", "ownerReferences",
                       "resourceVersion", "selfLink", "uid"},
                      problems_);
  std::string name;
  if (reader.string("name", name, Presence::kRequired) && !is_dns_subdomain(name))
    reader.report("name", "no name of an object");
  metadata_["name"] = std::move(name);
  std::map<std::string, std::string, std::less<>> labels;
  if (reader.string_map("labels", labels) && !labels.empty()) metadata_["labels"] = labels;
  if (const Node* annotations = reader.object("annotations")) read_annotations(*annotations);
}

void PolicyImport::read_annotations(const Node& node) {
  for (const Node::Member& annotation : node.members) {
    if (annotation.key != kLastApplied)
      out_.remarks.lost(join_path("metadata.annotations", annotation.key),
                        "annotations are not carried over");
  }
}

void PolicyImport::read_spec(const Node& node) {
  ObjectReader spec(node, "spec", {"images", "authorities", "policy", "mode", "match"}, problems_);
  spec.word("mode", warns_, {{"enforce", false}, {"warn", true}});
  if (warns_) {
    out_.remarks.lost(
        "spec.mode",
        "an image that no other policy selects is accepted with a warning there, and refused here");
  }
  if (const Node* images = spec.array("images", Presence::kRequired)) read_images(*images);
  if (const Node* match = spec.array("match"); match != nullptr && !match->items.empty()) {
    leave_out("spec.match", "a TrustPolicy is about images, whatever runs them",
              "remove it from FILE where every workload with these images is meant");
  }
  const Node* policy = spec.object("policy");
  if (policy != nullptr) {
    leave_out("spec.policy", "a policy in CUE or Rego over all authorities does not carry over",
              "write a TrustPolicy by hand; several that select an image all have to accept it");
  }
  const Node* authorities = spec.array("authorities", Presence::kRequired);
  if (authorities != nullptr) read_authorities(*authorities);
  out_.restricts = !warns_ && (policy != nullptr || !has(Kind::kAnybody));
}

void PolicyImport::read_images(const Node& list) {
  for (std::size_t i = 0; i < list.items.size(); ++i) read_image(list.items[i], join_path("spec.images", i));
  if (out_.images.size() > kMaxImages) {
    leave_out("spec.images", fmt::format("they become more than {} globs", kMaxImages));
  } else if (out_.images.empty()) {
    leave_out("spec.images", "no glob is left");
  }
}

void PolicyImport::read_image(const Node& node, const std::string& path) {
  ObjectReader reader(node, path, {"glob"}, problems_);
  std::string glob;
  if (!reader.string("glob", glob, Presence::kRequired)) return;
  GlobTranslation translation = translate_glob(glob);
  using Outcome = GlobTranslation::Outcome;
  if (translation.outcome == Outcome::kExact) {
    std::move(translation.globs.begin(), translation.globs.end(), std::back_inserter(out_.images));
  } else if (translation.outcome == Outcome::kInvalid) {
    reader.report("glob", translation.why);
  } else {
    out_.selects_more |= translation.outcome == Outcome::kInexpressible;
    out_.remarks.lost(reader.path_of("glob"), translation.why, translation.advice);
  }
}

void PolicyImport::read_authorities(const Node& list) {
  for (std::size_t i = 0; i < list.items.size(); ++i)
    authorities_.push_back(import_authority(list.items[i], i, out_.remarks));
  leave_static_away();
  choose_signers();
  if (signers_.size() > kMaxAuthorities) {
    out_.remarks.lost("spec.authorities",
                      fmt::format("those after the first {} are left away", kMaxAuthorities));
    signers_.erase(signers_.begin() + kMaxAuthorities, signers_.end());
  }
}

bool PolicyImport::has(Kind kind) const {
  return std::any_of(authorities_.begin(), authorities_.end(),
                     [&](const ImportedAuthority& one) { return one.kind == kind; });
}

void PolicyImport::leave_static_away() {
  for (const ImportedAuthority& one : authorities_) {
    const std::string path = join_path(one.path, "static");
    if (one.kind == Kind::kAnybody)
      out_.remarks.lost(path, "images without a signature are refused here: this authority is left away");
    if (one.kind == Kind::kNobody)
      out_.remarks.note(path, "accepts nothing there, and needs no authority here");
  }
}

/// Any authority suffices there, by a signature or by attestations. Here it is a signature and attestations,
/// so that only one kind of authority can be taken.
void PolicyImport::choose_signers() {
  const auto is_plain = [](const ImportedAuthority& one) {
    return one.kind == Kind::kSigners && one.attestations.empty();
  };
  const bool has_plain = std::any_of(authorities_.begin(), authorities_.end(), is_plain);
  for (const ImportedAuthority& one : authorities_) {
    if (is_plain(one)) take(one);
    if (has_plain && one.kind == Kind::kSigners && !is_plain(one)) {
      out_.remarks.lost(join_path(one.path, "attestations"),
                        "attestations in place of a signature: this authority is left away");
    }
  }
  if (has_plain) return;
  if (has(Kind::kSigners)) return take_attested();
  if (!authorities_.empty() && !has(Kind::kAnybody) && !has(Kind::kLeftAway)) {
    signers_.push_back(nobody());
    out_.remarks.note("spec.authorities", "written as an identity that nobody can have");
    return;
  }
  leave_out("spec.authorities", has(Kind::kAnybody) ? "no TrustPolicy accepts images without a signature"
                                                    : "no authority is left");
}

void PolicyImport::take(const ImportedAuthority& authority) {
  for (const json& signer : authority.signers) signers_.push_back(signer);
}

/// The first one with attestations. Another may stand beside it only where both need one attestation of the
/// same type: of several types, each could come from another of them.
void PolicyImport::take_attested() {
  const std::vector<ImportedAttestation>* wanted = nullptr;
  for (const ImportedAuthority& one : authorities_) {
    if (one.kind != Kind::kSigners) continue;
    const std::string path = join_path(one.path, "attestations");
    if (wanted == nullptr) {
      wanted = &one.attestations;
      for (const ImportedAttestation& attestation : *wanted)
        attestations_.push_back(attestation_rule(attestation));
    } else if (wanted->size() != 1 || one.attestations.size() != 1 ||
               wanted->front().predicate_type != one.attestations.front().predicate_type) {
      out_.remarks.lost(path, "other attestations than an earlier authority's: this one is left away");
      continue;
    }
    take(one);
    out_.remarks.lost(path, "the image has to be signed, too, not only attested",
                      "sign it by one of the policy's authorities");
  }
}

}  // namespace

PolicyTranslation translate_policy(const Node& document, const std::string& place) {
  return PolicyImport(document, place).run();
}

}  // namespace kintsugi::trust
