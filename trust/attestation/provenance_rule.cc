// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/provenance_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/escape.h"
#include "trust/attestation/refusal.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxMaterialRules = 32;

struct DigestForm {
  std::string_view algorithm;
  std::size_t hex_digits;
  std::size_t other_hex_digits;  ///< git has commits of two lengths
};
constexpr std::array<DigestForm, 4> kDigestForms{
    {{"sha256", 64, 64}, {"sha512", 128, 128}, {"sha1", 40, 40}, {"gitCommit", 40, 64}}};

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void read_digest(ObjectReader& reader, MaterialRule& out) {
  std::string text;
  if (!reader.string("digest", text)) return;
  const std::size_t colon = std::min(text.find(':'), text.size());
  const auto form = std::find_if(kDigestForms.begin(), kDigestForms.end(), [&](const DigestForm& one) {
    return one.algorithm == std::string_view(text).substr(0, colon);
  });
  const std::string hex = text.substr(std::min(colon + 1, text.size()));
  const bool is_good = form != kDigestForms.end() && is_hex(hex) &&
                       (hex.size() == form->hex_digits || hex.size() == form->other_hex_digits);
  if (!is_good) {
    reader.report("digest", "not a digest: sha256, sha512, sha1 or gitCommit, ':' and lower-case hex digits");
    return;
  }
  out.algorithm = text.substr(0, colon);
  out.digest = hex;
}

MaterialRule read_material(const Node& node, const std::string& path, ProblemList& problems) {
  MaterialRule out;
  ObjectReader reader(node, path, {"uri", "uriPattern", "digest"}, problems);
  out.uri = read_text_rule(reader, "uri");
  read_digest(reader, out);
  const bool has_any = node.find("uri") || node.find("uriPattern") || node.find("digest");
  if (node.kind == Node::Kind::kObject && !has_any)
    problems.add(node.position, path, "one of 'uri', 'uriPattern' and 'digest' is needed");
  return out;
}

/// Where the two versions have what.
struct Fields {
  const char* builder;
  const char* build_type;
  const char* materials;
};
constexpr Fields kFieldsV02{"builder.id", "buildType", "materials"};
constexpr Fields kFieldsV1{"runDetails.builder.id", "buildDefinition.buildType",
                           "buildDefinition.resolvedDependencies"};
constexpr char kSourceV02[] = "invocation.configSource.uri";
constexpr char kParametersV1[] = "buildDefinition.externalParameters";

Result<void> check_field(const std::optional<TextRule>& rule, const Node& predicate, const char* field) {
  if (!rule) return {};
  const std::string* const text = text_at(predicate, field);
  if (text == nullptr) return malformed_attestation(std::string("predicate.") + field, "is no text");
  return check_text(std::string("predicate.") + field, *rule, *text);
}

struct Source {
  std::string where;
  std::string uri;
};

/// `repository` and `ref` of GitHub's and Google's build types, as v0.2 writes them.
void add_repository(const Node& parameters, const std::string& name, std::vector<Source>& out) {
  const std::string* const repository = text_at(parameters, name + ".repository");
  if (repository == nullptr) return;
  const std::string* const ref = text_at(parameters, name + ".ref");
  const std::string prefix = repository->starts_with("git+") ? "" : "git+";
  out.push_back({fmt::format("predicate.{}.{}", kParametersV1, name),
                 prefix + *repository + (ref == nullptr ? "" : "@" + *ref)});
}

std::vector<Source> sources_of(PredicateKind kind, const Node& predicate) {
  std::vector<Source> out;
  const auto add = [&](const std::string& path) {
    if (const std::string* uri = text_at(predicate, path)) out.push_back({"predicate." + path, *uri});
  };
  if (kind == PredicateKind::kProvenanceV02) {
    add(kSourceV02);
    return out;
  }
  const Node* const parameters = node_at(predicate, kParametersV1);
  if (parameters == nullptr) return out;
  for (const char* path : {".source", ".source.uri", ".configSource.uri"})
    add(kParametersV1 + std::string(path));
  for (const char* name : {"workflow", "buildConfigSource"}) add_repository(*parameters, name, out);
  return out;
}

Result<void> check_source(const std::optional<TextRule>& rule, PredicateKind kind, const Node& predicate) {
  if (!rule) return {};
  const std::vector<Source> sources = sources_of(kind, predicate);
  if (sources.empty()) {
    const bool is_v02 = kind == PredicateKind::kProvenanceV02;
    return refused_attestation(fmt::format("predicate.{} names no source, expected {}",
                                           is_v02 ? kSourceV02 : kParametersV1, rule->to_string()));
  }
  for (const Source& source : sources) {
    if (auto checked = check_text(source.where, *rule, source.uri); !checked) return checked;
  }
  return {};
}

bool fits(const MaterialRule& rule, const Node& material) {
  if (rule.uri) {
    const std::string* const uri = text_at(material, "uri");
    if (uri == nullptr || !rule.uri->accepts(*uri)) return false;
  }
  if (rule.algorithm.empty()) return true;
  const std::string* const digest = text_at(material, "digest." + rule.algorithm);
  return digest != nullptr && *digest == rule.digest;
}

Result<void> check_materials(const ProvenanceRule& rule, const Node& predicate, const char* field) {
  if (rule.materials.empty()) return {};
  const Node* const materials = node_at(predicate, field);
  if (materials != nullptr && materials->kind != Node::Kind::kArray)
    return malformed_attestation(std::string("predicate.") + field, "is no list");
  for (const MaterialRule& material : rule.materials) {
    const bool is_there =
        materials != nullptr && std::any_of(materials->items.begin(), materials->items.end(),
                                            [&](const Node& item) { return fits(material, item); });
    if (is_there) continue;
    return refused_attestation(fmt::format(
        "predicate.{} has none of {} entries with uri {} and digest {}", field,
        materials == nullptr ? 0 : materials->items.size(), material.uri ? material.uri->to_string() : "any",
        material.algorithm.empty() ? "any" : material.algorithm + ":" + material.digest));
  }
  return {};
}

}  // namespace

ProvenanceRule read_provenance_rule(const Node& node, const std::string& path, ProblemList& problems) {
  ProvenanceRule out;
  ObjectReader reader(
      node, path,
      {"builder", "builderPattern", "source", "sourcePattern", "buildType", "buildTypePattern", "materials"},
      problems);
  out.builder = read_text_rule(reader, "builder");
  out.source = read_text_rule(reader, "source");
  out.build_type = read_text_rule(reader, "buildType");
  if (const Node* materials = reader.array("materials")) {
    if (materials->items.empty() || materials->items.size() > kMaxMaterialRules)
      reader.report("materials", fmt::format("one to {} are needed", kMaxMaterialRules));
    for (std::size_t i = 0; i < std::min(materials->items.size(), kMaxMaterialRules); ++i) {
      out.materials.push_back(
          read_material(materials->items[i], join_path(reader.path_of("materials"), i), problems));
    }
  }
  if (node.kind == Node::Kind::kObject && node.members.empty())
    problems.add(node.position, path, "asks for nothing", "leave it out, or name a builder or a source");
  return out;
}

Result<void> check_provenance(const ProvenanceRule& rule, PredicateKind kind, const Node& predicate) {
  const Fields& fields = kind == PredicateKind::kProvenanceV02 ? kFieldsV02 : kFieldsV1;
  if (auto good = check_field(rule.builder, predicate, fields.builder); !good) return good;
  if (auto good = check_field(rule.build_type, predicate, fields.build_type); !good) return good;
  if (auto good = check_source(rule.source, kind, predicate); !good) return good;
  return check_materials(rule, predicate, fields.materials);
}

std::string fingerprint(const ProvenanceRule& rule) {
  std::string text = "provenance\n";
  if (rule.builder) text += fingerprint_part("builder", *rule.builder);
  if (rule.source) text += fingerprint_part("source", *rule.source);
  if (rule.build_type) text += fingerprint_part("buildType", *rule.build_type);
  for (const MaterialRule& material : rule.materials) {
    text += fingerprint_part("material", material.algorithm + ":" + material.digest);
    if (material.uri) text += fingerprint_part("of", *material.uri);
  }
  return text;
}

}  // namespace kintsugi::trust
