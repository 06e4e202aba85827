// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/vex.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "base/escape.h"
#include "base/time.h"
#include "trust/attestation/predicate.h"
#include "trust/attestation/predicate_type.h"
#include "trust/attestation/refusal.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxStatements = 10'000;

/// What the last statement about a vulnerability says.
struct Assessment {
  WallTime time;
  bool is_harmless = false;
};
using Assessments = std::map<std::string, Assessment>;

/// A package URL or an image reference with the digest: "pkg:oci/web@sha256%3A…?tag=1", "r.io/web@sha256:…".
bool has_digest(std::string_view identifier, const Digest& image) {
  identifier = identifier.substr(0, identifier.find_first_of("?#"));
  if (const std::size_t at = identifier.rfind('@'); at != std::string_view::npos)
    identifier.remove_prefix(at + 1);
  std::string text(identifier);
  for (const std::string_view colon : {"%3A", "%3a"}) {
    if (const std::size_t at = text.find(colon); at != std::string::npos) text.replace(at, colon.size(), ":");
  }
  return text == image.text();
}

bool is_image(const Node& product, const Digest& image) {
  if (product.kind == Node::Kind::kString) return has_digest(product.text, image);
  if (const std::string* id = text_at(product, "@id"); id != nullptr && has_digest(*id, image)) return true;
  if (const std::string* hash = text_at(product, "hashes.sha-256"); hash != nullptr && *hash == image.hex())
    return true;
  const Node* const identifiers = node_at(product, "identifiers");
  if (identifiers == nullptr) return false;
  return std::any_of(identifiers->members.begin(), identifiers->members.end(), [&](const auto& member) {
    return member.value.kind == Node::Kind::kString && has_digest(member.value.text, image);
  });
}

bool is_limited(const Node& product) {
  return node_at(product, "subcomponents") != nullptr;
}

class VexReader {
 public:
  VexReader(const Node& document, const Digest& image) : document_(document), image_(image) {}

  Result<Assessments> read() {
    const std::string* const context = text_at(document_, "@context");
    if (context == nullptr || predicate_kind(*context) != PredicateKind::kOpenVex)
      return malformed("@context", "is not that of OpenVEX");
    auto time = time_of(document_, "predicate", nullptr);
    if (!time) return fail(std::move(time).error());
    time_ = *time;
    const Node* const statements = node_at(document_, "statements");
    if (statements == nullptr || statements->kind != Node::Kind::kArray)
      return malformed("statements", "is no list");
    if (statements->items.size() > kMaxStatements)
      return malformed("statements", fmt::format("has more than {} entries", kMaxStatements));
    for (std::size_t i = 0; i < statements->items.size(); ++i) {
      const std::string path = fmt::format("statements[{}]", i);
      if (auto read = read_statement(statements->items[i], path); !read) return fail(std::move(read).error());
    }
    return std::move(assessments_);
  }

 private:
  static tl::unexpected<Error> malformed(const std::string& path, std::string_view what) {
    return malformed_attestation("predicate." + path, what);
  }

  /// Statements inherit the document's time.
  static Result<WallTime> time_of(const Node& node, const std::string& path, const WallTime* inherited) {
    const Node* const text = node_at(node, "timestamp");
    if (text == nullptr && inherited != nullptr) return *inherited;
    const auto time = text == nullptr || text->kind != Node::Kind::kString
                          ? fail(ErrorCode::kInvalidInput, "no time")
                          : parse_rfc3339(text->text);
    if (!time) return malformed_attestation(path + ".timestamp", "is " + time.error().message);
    return *time;
  }

  Result<void> read_statement(const Node& statement, const std::string& path) {
    const auto names = names_of(statement, path);
    if (!names) return fail(names.error());
    const auto harmless = is_harmless(statement, path);
    if (!harmless) return fail(harmless.error());
    const auto time = time_of(statement, "predicate." + path, &time_);
    if (!time) return fail(time.error());
    const Node* const products = node_at(statement, "products");
    if (products != nullptr && products->kind != Node::Kind::kArray)
      return malformed(path + ".products", "is no list");
    // Good news has to be about this image as a whole; bad news may leave open what it is about.
    const bool concerns_image =
        products == nullptr
            ? !*harmless
            : std::any_of(products->items.begin(), products->items.end(), [&](const Node& product) {
                return is_image(product, image_) && !(*harmless && is_limited(product));
              });
    if (!concerns_image) return {};
    for (const std::string& name : *names) note(name, {*time, *harmless});
    return {};
  }

  /// The later statement counts; of two at the same time the worse.
  void note(const std::string& name, const Assessment& assessment) {
    const auto [entry, is_new] = assessments_.emplace(name, assessment);
    Assessment& last = entry->second;
    if (is_new || assessment.time < last.time) return;
    const bool is_harmless = assessment.is_harmless && (last.is_harmless || assessment.time > last.time);
    last = {assessment.time, is_harmless};
  }

  /// The name and the aliases of a statement's vulnerability, which before v0.2.0 was a text.
  static Result<std::vector<std::string>> names_of(const Node& statement, const std::string& path) {
    const Node* const vulnerability = node_at(statement, "vulnerability");
    const std::string* const name = vulnerability == nullptr || vulnerability->kind == Node::Kind::kString
                                        ? text_at(statement, "vulnerability")
                                        : text_at(*vulnerability, "name");
    if (name == nullptr || name->empty()) return malformed(path + ".vulnerability", "has no name");
    std::vector<std::string> names{*name};
    const Node* const aliases = node_at(*vulnerability, "aliases");
    if (aliases == nullptr) return names;
    if (aliases->kind != Node::Kind::kArray) return malformed(path + ".vulnerability.aliases", "is no list");
    for (const Node& alias : aliases->items) {
      if (alias.kind != Node::Kind::kString || alias.text.empty())
        return malformed(path + ".vulnerability.aliases", "has an entry that is no text");
      names.push_back(alias.text);
    }
    return names;
  }

  static Result<bool> is_harmless(const Node& statement, const std::string& path) {
    const std::string* const status = text_at(statement, "status");
    if (status == nullptr) return malformed(path + ".status", "is missing");
    if (*status == "fixed") return true;
    if (*status == "affected" || *status == "under_investigation") return false;
    if (*status != "not_affected")
      return malformed(path + ".status", fmt::format("is '{}', which is none", escape(*status, 64)));
    const std::string* const justification = text_at(statement, "justification");
    const std::string* const impact = text_at(statement, "impact_statement");
    if ((justification == nullptr || justification->empty()) && (impact == nullptr || impact->empty()))
      return malformed(path, "is not_affected without a justification or an impact_statement");
    return true;
  }

  const Node& document_;
  const Digest& image_;
  WallTime time_;
  Assessments assessments_;
};

}  // namespace

Result<std::set<std::string>> vex_exceptions(const Statement& statement, const Digest& image) {
  if (predicate_kind(statement.predicate_type) != PredicateKind::kOpenVex)
    return malformed_attestation("predicateType", "is not that of OpenVEX");
  const auto predicate = Predicate::of(statement);
  if (!predicate) return fail(predicate.error());
  const auto assessments = VexReader(predicate->node(), image).read();
  if (!assessments) return fail(assessments.error());
  std::set<std::string> exceptions;
  for (const auto& [name, assessment] : *assessments) {
    if (assessment.is_harmless) exceptions.insert(name);
  }
  return exceptions;
}

}  // namespace kintsugi::trust
