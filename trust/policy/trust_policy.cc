// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/trust_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/escape.h"
#include "base/file.h"

namespace kintsugi::trust {
namespace {

constexpr std::string_view kApiVersion = "kintsugi.dev/v1alpha1";
constexpr std::string_view kKind = "TrustPolicy";
constexpr std::size_t kMaxAuthorities = 32;
constexpr std::size_t kMaxAttestations = 16;
constexpr std::size_t kMaxReferenceBytes = kMaxTrustedRootBytes;
constexpr std::size_t kMaxTrustedRoots = 8;
constexpr TextLimits kImageLimits{.max_bytes = 255, .max_count = 256};
constexpr TextLimits kRevokedLimits{.max_bytes = 128, .max_count = 1024};

void read_header(ObjectReader& root, ProblemList& problems, TrustPolicySpec& out) {
  std::string text;
  if (root.string("apiVersion", text, Presence::kRequired) && text != kApiVersion) {
    root.report("apiVersion", fmt::format("expected '{}'", kApiVersion));
  }
  if (root.string("kind", text, Presence::kRequired) && text != kKind) {
    root.report("kind", fmt::format("expected '{}'", kKind));
  }
  const Node* metadata = root.object("metadata", Presence::kRequired);
  const Node* name = metadata == nullptr ? nullptr : metadata->find("name");
  if (name != nullptr) {
    read_string(*name, "metadata.name", out.name, problems, {.max_bytes = 253});
  } else if (metadata != nullptr) {
    root.report("metadata", "'name' is missing");
  }
}

void read_images(ObjectReader& spec, TrustPolicySpec& out) {
  std::vector<std::string> images;
  if (!spec.strings("images", images, Presence::kRequired, kImageLimits)) return;
  if (images.empty()) spec.report("images", "a policy for no image");
  for (const std::string& text : images) {
    auto glob = ImageGlob::parse(text);
    if (glob) {
      out.images.push_back(std::move(*glob));
    } else {
      spec.report("images", glob.error().message, glob.error().advice);
    }
  }
}

/// One of `inline`, `file`, `configMapRef`.
TextReference read_reference(const Node& node, const std::string& path, const char* default_key,
                             ProblemList& problems) {
  TextReference out;
  ObjectReader reader(node, path, {"inline", "file", "configMapRef"}, problems);
  int given = 0;
  if (reader.string("inline", out.text, Presence::kOptional, {.max_bytes = kMaxReferenceBytes})) {
    out.source = TextReference::Source::kInline;
    ++given;
  }
  if (reader.string("file", out.text)) {
    out.source = TextReference::Source::kFile;
    if (!out.text.starts_with('/')) reader.report("file", "the path must be absolute");
    ++given;
  }
  if (const Node* reference = reader.object("configMapRef")) {
    ObjectReader config_map(*reference, reader.path_of("configMapRef"), {"name", "key"}, problems);
    out.source = TextReference::Source::kConfigMap;
    out.key = default_key;
    config_map.string("name", out.text, Presence::kRequired, {.max_bytes = 253});
    config_map.string("key", out.key, Presence::kOptional, {.max_bytes = 253});
    ++given;
  }
  if (given != 1)
    problems.add(node.position, path, "exactly one of 'inline', 'file' and 'configMapRef' is needed");
  return out;
}

void read_trusted_roots(ObjectReader& reader, ProblemList& problems, AuthoritySpec& out) {
  const Node* roots = reader.array("trustedRoots");
  if (roots == nullptr) return;
  if (roots->items.empty() || roots->items.size() > kMaxTrustedRoots)
    reader.report("trustedRoots", fmt::format("one to {} are needed", kMaxTrustedRoots));
  for (std::size_t i = 0; i < std::min(roots->items.size(), kMaxTrustedRoots); ++i) {
    out.trusted_roots.push_back(read_reference(roots->items[i], join_path(reader.path_of("trustedRoots"), i),
                                               "trusted_root.json", problems));
  }
}

void read_certificate(const Node& node, const std::string& path, ProblemList& problems, AuthoritySpec& out) {
  ObjectReader reader(node, path, {"chain", "subject", "subjectPattern", "trustedRoots"}, problems);
  if (const Node* chain = reader.object("chain", Presence::kRequired))
    out.authority_chain = read_reference(*chain, reader.path_of("chain"), "chain.pem", problems);
  out.identity.subject =
      read_text_rule(reader, "subject", Presence::kRequired).value_or(TextRule::exactly(""));
  read_trusted_roots(reader, problems, out);
}

void read_keyless(const Node& node, const std::string& path, ProblemList& problems, AuthoritySpec& out) {
  ObjectReader reader(node, path,
                      {"issuer", "issuerPattern", "subject", "subjectPattern", "claims", "trustedRoots"},
                      problems);
  const TextRule nobody = TextRule::exactly("");
  out.identity.issuer = read_text_rule(reader, "issuer", Presence::kRequired).value_or(nobody);
  out.identity.subject = read_text_rule(reader, "subject", Presence::kRequired).value_or(nobody);
  std::map<std::string, std::string, std::less<>> claims;
  reader.string_map("claims", claims);
  for (const auto& [name, text] : claims) {
    if (!is_claim(name)) reader.report("claims", fmt::format("unknown claim '{}'", escape(name, 64)));
    out.identity.claims.emplace(name, TextRule::exactly(text));
  }
  read_trusted_roots(reader, problems, out);
}

AuthoritySpec read_authority(const Node& node, const std::string& path, ProblemList& problems) {
  AuthoritySpec authority;
  ObjectReader reader(node, path, {"name", "key", "keyless", "certificate"}, problems);
  authority.name = path.substr(path.find('.') + 1);
  reader.string("name", authority.name, Presence::kOptional, {.max_bytes = 63});
  const Node* key = reader.object("key");
  const Node* keyless = reader.object("keyless");
  const Node* certificate = reader.object("certificate");
  if (int(key != nullptr) + int(keyless != nullptr) + int(certificate != nullptr) != 1) {
    problems.add(node.position, path, "exactly one of 'key', 'keyless' and 'certificate' is needed");
  } else if (key != nullptr) {
    authority.key = read_reference(*key, reader.path_of("key"), "cosign.pub", problems);
  } else if (keyless != nullptr) {
    authority.kind = AuthoritySpec::Kind::kKeyless;
    read_keyless(*keyless, reader.path_of("keyless"), problems, authority);
  } else {
    authority.kind = AuthoritySpec::Kind::kCertificate;
    read_certificate(*certificate, reader.path_of("certificate"), problems, authority);
  }
  return authority;
}

void read_authorities(ObjectReader& spec, ProblemList& problems, TrustPolicySpec& out) {
  const Node* list = spec.array("authorities", Presence::kRequired);
  if (list == nullptr) return;
  if (list->items.empty()) spec.report("authorities", "nobody may sign: no image would ever be accepted");
  if (list->items.size() > kMaxAuthorities) {
    spec.report("authorities", fmt::format("more than {} authorities", kMaxAuthorities));
    return;
  }
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    out.authorities.push_back(
        read_authority(list->items[i], join_path(spec.path_of("authorities"), i), problems));
  }
}

void read_attestations(ObjectReader& spec, ProblemList& problems, TrustPolicySpec& out) {
  const Node* list = spec.array("attestations");
  if (list == nullptr) return;
  if (list->items.size() > kMaxAttestations) {
    spec.report("attestations", fmt::format("more than {} attestations", kMaxAttestations));
    return;
  }
  for (const Node& item : list->items) {
    const std::string path = join_path(spec.path_of("attestations"), out.attestations.size());
    out.attestations.push_back(read_attestation_rule(item, path, problems));
  }
}

void read_revoked(ObjectReader& spec, ProblemList& problems, TrustPolicySpec& out) {
  const Node* node = spec.object("revoked");
  if (node == nullptr) return;
  ObjectReader revoked(*node, spec.path_of("revoked"), {"keys", "digests"}, problems);
  for (const char* list : {"keys", "digests"}) {
    std::vector<std::string> texts;
    revoked.strings(list, texts, Presence::kOptional, kRevokedLimits);
    for (const std::string& text : texts) {
      const auto digest = Digest::parse(text);
      if (!digest) {
        revoked.report(list, digest.error().message);
      } else if (list == std::string_view("keys")) {
        out.revoked_keys.insert(digest->text());
      } else {
        out.revoked_digests.insert(*digest);
      }
    }
  }
}

Result<std::string> read_text(const TextReference& reference, const ConfigMapReader& config_maps) {
  switch (reference.source) {
    case TextReference::Source::kInline: return reference.text;
    case TextReference::Source::kFile: return read_file(reference.text, kMaxReferenceBytes);
    case TextReference::Source::kConfigMap: return config_maps(reference.text, reference.key);
  }
  return fail(ErrorCode::kInternal, "unknown source of a text");
}

Result<PublicKey> read_public_key(const TextReference& reference, const ConfigMapReader& config_maps) {
  const auto text = read_text(reference, config_maps);
  return text ? PublicKey::parse(*text) : fail(text.error());
}

Result<RootSet> read_roots(const std::vector<TextReference>& references, const ConfigMapReader& config_maps) {
  std::vector<TrustedRoot> roots;
  std::string hashes;
  for (const TextReference& reference : references) {
    const auto text = read_text(reference, config_maps);
    if (!text) return fail(text.error());
    auto root = parse_trusted_root(*text);
    if (!root) return fail(std::move(root).error());
    roots.push_back(std::move(*root));
    hashes += sha256_hex(*text);
  }
  return RootSet{std::make_shared<const std::vector<TrustedRoot>>(std::move(roots)), std::move(hashes)};
}

Result<void> add_key(const AuthoritySpec& authority, const std::set<std::string>& revoked,
                     const ConfigMapReader& config_maps, TrustPolicy& policy) {
  auto key = read_public_key(authority.key, config_maps);
  if (!key) return fail(std::move(key).error());
  (revoked.contains(key->id()) ? policy.dead_keys : policy.keys).push_back(std::move(*key));
  return {};
}

Result<CertificateAuthority> read_own_authority(const AuthoritySpec& authority, std::string& hash,
                                                const ConfigMapReader& config_maps) {
  const auto text = read_text(authority.authority_chain, config_maps);
  if (!text) return fail(text.error());
  auto chain = Certificate::parse_pem(*text);
  if (!chain) return fail(std::move(chain).error());
  hash += sha256_hex(*text);
  return CertificateAuthority{authority.name, std::move(*chain), {}};
}

Result<void> add_identity(const AuthoritySpec& authority, const ConfigMapReader& config_maps,
                          const RootSet& default_roots, TrustPolicy& policy) {
  auto roots = authority.trusted_roots.empty() ? Result<RootSet>(default_roots)
                                               : read_roots(authority.trusted_roots, config_maps);
  if (!roots) return fail(std::move(roots).error());
  IdentityAuthority out{
      authority.name, authority.identity, std::move(roots->roots), {}, std::move(roots->hash)};
  if (authority.kind == AuthoritySpec::Kind::kCertificate) {
    auto own = read_own_authority(authority, out.hash, config_maps);
    if (!own) return fail(std::move(own).error());
    out.own.push_back(std::move(*own));
  }
  policy.identities.push_back(std::move(out));
  return {};
}

/// Everything that can change a verdict, with separators that cannot stand inside a part.
std::string hash_of(const TrustPolicy& policy) {
  std::string text = policy.spec.name;
  const auto add = [&](std::string_view what, std::string_view value) {
    text += '\n';
    text += what;
    text += value;
  };
  for (const ImageGlob& glob : policy.spec.images) add("image ", glob.text());
  for (const PublicKey& key : policy.keys) add("key ", key.id());
  for (const PublicKey& key : policy.dead_keys) add("dead key ", key.id());
  for (const Digest& digest : policy.spec.revoked_digests) add("revoked ", digest.text());
  const auto add_rule = [&](const std::string& what, const TextRule& rule) {
    add(what, (rule.is_pattern() ? "pattern " : "exactly ") + base64_encode(rule.text()));
  };
  for (const IdentityAuthority& authority : policy.identities) {
    add_rule("issuer ", authority.identity.issuer);
    add_rule("subject ", authority.identity.subject);
    for (const auto& [name, rule] : authority.identity.claims) add_rule("claim " + name + " ", rule);
    add("roots ", authority.hash);
  }
  for (const AttestationRule& rule : policy.spec.attestations)
    add("attestation ", base64_encode(fingerprint(rule)));
  if (policy.defect) add("defect ", base64_encode(policy.defect->message));
  return sha256_hex(text);
}

}  // namespace

bool TrustPolicySpec::selects(const ImageReference& image) const {
  return std::any_of(images.begin(), images.end(),
                     [&](const ImageGlob& glob) { return glob.matches(image); });
}

TrustPolicySpec parse_trust_policy(const Node& document, ProblemList& problems) {
  TrustPolicySpec out;
  ObjectReader root(document, "", {"apiVersion", "kind", "metadata", "spec", "status"}, problems);
  read_header(root, problems, out);
  if (const Node* node = root.object("spec", Presence::kRequired)) {
    ObjectReader spec(*node, "spec", {"images", "authorities", "attestations", "revoked"}, problems);
    read_images(spec, out);
    read_authorities(spec, problems, out);
    read_attestations(spec, problems, out);
    read_revoked(spec, problems, out);
  }
  return out;
}

Result<RootSet> read_trusted_roots(const std::vector<std::string>& paths) {
  std::vector<TextReference> references;
  for (const std::string& path : paths) references.push_back({TextReference::Source::kFile, path, {}});
  return read_roots(references, nullptr);
}

TrustPolicy resolve_references(TrustPolicySpec spec, const ConfigMapReader& config_maps,
                               const RootSet& default_roots) {
  TrustPolicy policy;
  for (const AuthoritySpec& authority : spec.authorities) {
    auto resolved = authority.kind == AuthoritySpec::Kind::kKey
                        ? add_key(authority, spec.revoked_keys, config_maps, policy)
                        : add_identity(authority, config_maps, default_roots, policy);
    if (resolved) continue;
    policy.defect = std::move(resolved).error().on(
        fmt::format("TrustPolicy {}, {}", escape(spec.name, 253), escape(authority.name, 64)));
    break;
  }
  policy.spec = std::move(spec);
  policy.hash = hash_of(policy);
  return policy;
}

}  // namespace kintsugi::trust
