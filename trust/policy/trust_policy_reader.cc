// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/escape.h"
#include "base/time.h"
#include "trust/policy/trust_policy.h"

namespace kintsugi::trust {
namespace {

constexpr std::string_view kApiVersion = "kintsugi.dev/v1alpha1";
constexpr std::string_view kKind = "TrustPolicy";
constexpr std::size_t kMaxAuthorities = 32;
constexpr std::size_t kMaxAttestations = 16;
constexpr std::size_t kMaxReferenceBytes = kMaxTrustedRootBytes;
constexpr std::size_t kMaxTrustedRoots = 8;
constexpr TextLimits kImageLimits{.max_bytes = 255, .max_count = 256};
constexpr std::size_t kMaxPinnedDigests = 256;
constexpr std::size_t kMaxRevokedIdentities = 256;
constexpr std::size_t kMaxRemaps = 64;
constexpr TextLimits kAnnotationLimits{.max_bytes = 1024, .max_count = 32};
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
  const auto take = [&](auto glob, auto& list) {
    if (glob) {
      list.push_back(std::move(*glob));
    } else {
      spec.report("images", glob.error().message, glob.error().advice);
    }
  };
  for (const std::string& text : images) {
    if (is_about_files(text)) {
      take(FileGlob::parse(text), out.files);
    } else {
      take(ImageGlob::parse(text), out.images);
    }
  }
}

bool read_object_reference(ObjectReader& reader, const char* member, TextReference::Source source,
                           const char* default_key, ProblemList& problems, TextReference& out) {
  const Node* reference = reader.object(member);
  if (reference == nullptr) return false;
  ObjectReader object(*reference, reader.path_of(member), {"name", "key"}, problems);
  out.source = source;
  out.key = default_key;
  object.string("name", out.text, Presence::kRequired, {.max_bytes = 253});
  object.string("key", out.key, Presence::kOptional, {.max_bytes = 253});
  return true;
}

/// One of `inline`, `file`, `configMapRef`, `secretRef`.
TextReference read_reference(const Node& node, const std::string& path, const char* default_key,
                             ProblemList& problems) {
  using Source = TextReference::Source;
  TextReference out;
  ObjectReader reader(node, path, {"inline", "file", "configMapRef", "secretRef"}, problems);
  int given = 0;
  if (reader.string("inline", out.text, Presence::kOptional, {.max_bytes = kMaxReferenceBytes})) {
    out.source = Source::kInline;
    ++given;
  }
  if (reader.string("file", out.text)) {
    out.source = Source::kFile;
    if (!out.text.starts_with('/')) reader.report("file", "the path must be absolute");
    ++given;
  }
  given += read_object_reference(reader, "configMapRef", Source::kConfigMap, default_key, problems, out);
  given += read_object_reference(reader, "secretRef", Source::kSecret, default_key, problems, out);
  if (given != 1) {
    problems.add(node.position, path,
                 "exactly one of 'inline', 'file', 'configMapRef' and 'secretRef' is needed");
  }
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

AuthoritySpec read_authority(const Node& node, const std::string& path, bool selects_files,
                             ProblemList& problems) {
  AuthoritySpec authority;
  ObjectReader reader(node, path, {"name", "key", "openpgp", "keyless", "certificate", "annotations"},
                      problems);
  authority.name = path.substr(path.find('.') + 1);
  reader.string("name", authority.name, Presence::kOptional, {.max_bytes = 63});
  std::map<std::string, std::string, std::less<>> annotations;
  reader.string_map("annotations", annotations, Presence::kOptional, kAnnotationLimits);
  authority.annotations.insert(annotations.begin(), annotations.end());
  const Node* key = reader.object("key");
  const Node* openpgp = reader.object("openpgp");
  const Node* keyless = reader.object("keyless");
  const Node* certificate = reader.object("certificate");
  if (int(key != nullptr) + int(openpgp != nullptr) + int(keyless != nullptr) + int(certificate != nullptr) !=
      1) {
    problems.add(node.position, path,
                 "exactly one of 'key', 'openpgp', 'keyless' and 'certificate' is needed");
  } else if (key != nullptr) {
    authority.key = read_reference(*key, reader.path_of("key"), "cosign.pub", problems);
  } else if (openpgp != nullptr) {
    authority.kind = AuthoritySpec::Kind::kOpenPgp;
    authority.key = read_reference(*openpgp, reader.path_of("openpgp"), "key.asc", problems);
    if (!selects_files) {
      problems.add(openpgp->position, reader.path_of("openpgp"),
                   "signs lists of checksums of files, and this policy selects none: it would never count");
    }
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
    out.authorities.push_back(read_authority(list->items[i], join_path(spec.path_of("authorities"), i),
                                             !out.files.empty(), problems));
  }
}

/// The items of an optional list of at most `most`; none where there are more, which is reported.
std::span<const Node> items_of(ObjectReader& reader, const char* key, std::size_t most) {
  const Node* list = reader.array(key);
  if (list == nullptr) return {};
  if (list->items.size() <= most) return list->items;
  reader.report(key, fmt::format("more than {} {}", most, key));
  return {};
}

void read_attestations(ObjectReader& spec, ProblemList& problems, TrustPolicySpec& out) {
  for (const Node& item : items_of(spec, "attestations", kMaxAttestations)) {
    const std::string path = join_path(spec.path_of("attestations"), out.attestations.size());
    out.attestations.push_back(read_attestation_rule(item, path, problems));
  }
}

std::optional<WallTime> read_time(ObjectReader& reader, const char* key) {
  std::string text;
  if (!reader.string(key, text, Presence::kOptional, {.max_bytes = 64})) return std::nullopt;
  const auto time = parse_rfc3339(text);
  if (time) return *time;
  reader.report(key, time.error().message);
  return std::nullopt;
}

void read_revoked_identities(ObjectReader& revoked, ProblemList& problems, Revocations& out) {
  std::size_t index = 0;
  for (const Node& item : items_of(revoked, "identities", kMaxRevokedIdentities)) {
    ObjectReader reader(item, join_path(revoked.path_of("identities"), index++),
                        {"issuer", "issuerPattern", "subject", "subjectPattern", "since"}, problems);
    auto subject = read_text_rule(reader, "subject", Presence::kRequired);
    auto issuer = read_text_rule(reader, "issuer");
    const auto since = read_time(reader, "since");
    if (subject) out.identities.push_back({std::move(issuer), std::move(*subject), since});
  }
}

/// As openpgp::SignerKey::id().
bool is_openpgp_id(std::string_view text) {
  constexpr std::string_view kScheme = "openpgp:";
  constexpr std::size_t kDigits = 40;
  return text.starts_with(kScheme) && text.size() == kScheme.size() + kDigits &&
         text.find_first_not_of("0123456789ABCDEF", kScheme.size()) == text.npos;
}

void read_revoked(ObjectReader& spec, ProblemList& problems, TrustPolicySpec& out) {
  const Node* node = spec.object("revoked");
  if (node == nullptr) return;
  ObjectReader revoked(*node, spec.path_of("revoked"), {"keys", "digests", "identities", "signedAfter"},
                       problems);
  for (const char* list : {"keys", "digests"}) {
    std::vector<std::string> texts;
    revoked.strings(list, texts, Presence::kOptional, kRevokedLimits);
    for (const std::string& text : texts) {
      if (list == std::string_view("keys") && is_openpgp_id(text)) {
        out.revoked.keys.insert(text);
        continue;
      }
      const auto digest = Digest::parse(text);
      if (!digest) {
        revoked.report(list, digest.error().message);
      } else if (list == std::string_view("keys")) {
        out.revoked.keys.insert(digest->text());
      } else {
        out.revoked.digests.insert(*digest);
      }
    }
  }
  read_revoked_identities(revoked, problems, out.revoked);
  out.revoked.signed_after = read_time(revoked, "signedAfter");
}

/// A repository's name, or the beginning of one, without tag and digest, as a signature would name it.
bool read_prefix(ObjectReader& reader, const char* key, std::string& out,
                 Presence presence = Presence::kRequired) {
  if (!reader.string(key, out, presence, {.max_bytes = 255})) return false;
  const auto glob = ImageGlob::parse(out + "/**");
  if (glob && out.find('*') == std::string::npos) return true;
  reader.report(key, "not the beginning of an image's name: a registry, and maybe elements after it");
  return false;
}

void read_signature_repository(ObjectReader& spec, TrustPolicySpec& out) {
  std::string text;
  if (!read_prefix(spec, "signatureRepository", text, Presence::kOptional)) return;
  auto reference = ImageReference::parse(text);
  if (!reference) {
    spec.report("signatureRepository", reference.error().message);
  } else if (reference->name() != text) {
    spec.report("signatureRepository", "a registry and a repository are needed, written out",
                fmt::format("did you mean '{}'?", reference->name()));
  } else {
    out.signature_repository = std::move(*reference);
  }
}

void read_signed_reference(ObjectReader& spec, ProblemList& problems, TrustPolicySpec& out) {
  const Node* node = spec.object("signedReference");
  if (node == nullptr) return;
  ObjectReader reader(*node, spec.path_of("signedReference"), {"match", "remap"}, problems);
  bool matches_repository = false;
  reader.word("match", matches_repository, {{"repository", true}}, Presence::kRequired);
  SignedReferenceRule& rule = out.signed_reference.emplace();
  std::size_t index = 0;
  for (const Node& item : items_of(reader, "remap", kMaxRemaps)) {
    ObjectReader remap(item, join_path(reader.path_of("remap"), index++), {"prefix", "signedPrefix"},
                       problems);
    SignedReferenceRule::Remap one;
    const bool has_prefix = read_prefix(remap, "prefix", one.prefix);
    if (read_prefix(remap, "signedPrefix", one.signed_prefix) && has_prefix)
      rule.remap.push_back(std::move(one));
  }
}

void read_pinned_file(ObjectReader& reader, const std::string& text, const Digest& digest,
                      TrustPolicySpec& out) {
  auto location = FileLocation::parse(text);
  if (!location) return reader.report("image", location.error().message);
  if (!out.selects(*location)) reader.report("image", "is not selected by this policy's images");
  if (out.pinned_digest(*location)) reader.report("image", "is pinned already");
  out.pinned_files.push_back({std::move(*location), digest});
}

void read_pinned_image(ObjectReader& reader, const std::string& text, const Digest& digest,
                       TrustPolicySpec& out) {
  const auto image = ImageReference::parse(text);
  if (!image) return reader.report("image", image.error().message);
  if (image->digest) reader.report("image", "a name with a tag is needed here, and the digest beside it");
  if (!out.selects(*image)) reader.report("image", "is not selected by this policy's images");
  if (out.pinned_digest(*image)) reader.report("image", "is pinned already");
  out.pinned_digests.push_back({*image, digest});
}

void read_pinned_digests(ObjectReader& spec, ProblemList& problems, TrustPolicySpec& out) {
  std::size_t index = 0;
  for (const Node& item : items_of(spec, "pinnedDigests", kMaxPinnedDigests)) {
    ObjectReader reader(item, join_path(spec.path_of("pinnedDigests"), index++), {"image", "digest"},
                        problems);
    std::string image_text, digest_text;
    if (!reader.string("image", image_text, Presence::kRequired)) continue;
    if (!reader.string("digest", digest_text, Presence::kRequired)) continue;
    const auto digest = Digest::parse(digest_text);
    if (!digest) {
      reader.report("digest", digest.error().message);
    } else if (is_about_files(image_text)) {
      read_pinned_file(reader, image_text, *digest, out);
    } else {
      read_pinned_image(reader, image_text, *digest, out);
    }
  }
}

}  // namespace

TrustPolicySpec parse_trust_policy(const Node& document, ProblemList& problems) {
  TrustPolicySpec out;
  ObjectReader root(document, "", {"apiVersion", "kind", "metadata", "spec", "status"}, problems);
  read_header(root, problems, out);
  if (const Node* node = root.object("spec", Presence::kRequired)) {
    ObjectReader spec(*node, "spec",
                      {"images", "mode", "require", "authorities", "attestations", "signatureRepository",
                       "signedReference", "freshness", "pinnedDigests", "revoked"},
                      problems);
    using Mode = TrustPolicySpec::Mode;
    using Quorum = TrustPolicySpec::Quorum;
    spec.word("mode", out.mode, {{"enforce", Mode::kEnforce}, {"warn", Mode::kWarn}});
    spec.word("require", out.quorum, {{"any", Quorum::kAny}, {"all", Quorum::kAll}});
    read_images(spec, out);
    read_authorities(spec, problems, out);
    read_attestations(spec, problems, out);
    read_signature_repository(spec, out);
    read_signed_reference(spec, problems, out);
    if (const Node* freshness = spec.object("freshness"))
      out.freshness = read_freshness_rule(*freshness, spec.path_of("freshness"), problems);
    read_pinned_digests(spec, problems, out);
    read_revoked(spec, problems, out);
  }
  return out;
}

}  // namespace kintsugi::trust
