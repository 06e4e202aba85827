// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/trust_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/escape.h"
#include "base/file.h"
#include "base/time.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxReferenceBytes = kMaxTrustedRootBytes;

Result<std::string> read_text(const TextReference& reference, const ObjectTextReader& objects) {
  switch (reference.source) {
    case TextReference::Source::kInline: return reference.text;
    case TextReference::Source::kFile: return read_file(reference.text, kMaxReferenceBytes);
    case TextReference::Source::kConfigMap:
    case TextReference::Source::kSecret: return objects(reference);
  }
  return fail(ErrorCode::kInternal, "unknown source of a text");
}

Result<PublicKey> read_public_key(const TextReference& reference, const ObjectTextReader& objects) {
  const auto text = read_text(reference, objects);
  return text ? PublicKey::parse(*text) : fail(text.error());
}

/// The hash is of the whole text, as what a key says about itself counts.
Result<openpgp::SignerKey> read_openpgp_key(const TextReference& reference, std::string& hash,
                                            const ObjectTextReader& objects) {
  const auto text = read_text(reference, objects);
  if (!text) return fail(text.error());
  hash = sha256_hex(*text);
  return openpgp::SignerKey::parse(*text);
}

Result<RootSet> read_roots(const std::vector<TextReference>& references, const ObjectTextReader& objects) {
  std::vector<TrustedRoot> roots;
  std::string hashes;
  for (const TextReference& reference : references) {
    const auto text = read_text(reference, objects);
    if (!text) return fail(text.error());
    auto root = parse_trusted_root(*text);
    if (!root) return fail(std::move(root).error());
    roots.push_back(std::move(*root));
    hashes += sha256_hex(*text);
  }
  return RootSet{std::make_shared<const std::vector<TrustedRoot>>(std::move(roots)), std::move(hashes)};
}

Result<CertificateAuthority> read_own_authority(const AuthoritySpec& authority, std::string& hash,
                                                const ObjectTextReader& objects) {
  const auto text = read_text(authority.authority_chain, objects);
  if (!text) return fail(text.error());
  auto chain = Certificate::parse_pem(*text);
  if (!chain) return fail(std::move(chain).error());
  hash += sha256_hex(*text);
  return CertificateAuthority{authority.name, std::move(*chain), {}};
}

Result<void> resolve_certificates(const AuthoritySpec& spec, const ObjectTextReader& objects,
                                  const RootSet& default_roots, Authority& out) {
  auto roots =
      spec.trusted_roots.empty() ? Result<RootSet>(default_roots) : read_roots(spec.trusted_roots, objects);
  if (!roots) return fail(std::move(roots).error());
  out.identity = spec.identity;
  out.roots = std::move(roots->roots);
  out.hash = std::move(roots->hash);
  if (spec.kind != AuthoritySpec::Kind::kCertificate) return {};
  auto own = read_own_authority(spec, out.hash, objects);
  if (!own) return fail(std::move(own).error());
  out.own.push_back(std::move(*own));
  return {};
}

Result<Authority> resolve(const AuthoritySpec& spec, const std::set<std::string>& revoked_keys,
                          const ObjectTextReader& objects, const RootSet& default_roots) {
  Authority authority;
  authority.name = spec.name;
  authority.annotations = spec.annotations;
  if (spec.kind == AuthoritySpec::Kind::kKey) {
    auto key = read_public_key(spec.key, objects);
    if (!key) return fail(std::move(key).error());
    authority.is_key_revoked = revoked_keys.contains(key->id());
    authority.key = std::move(*key);
  } else if (spec.kind == AuthoritySpec::Kind::kOpenPgp) {
    auto key = read_openpgp_key(spec.key, authority.hash, objects);
    if (!key) return fail(std::move(key).error());
    authority.is_key_revoked = revoked_keys.contains(key->id());
    authority.openpgp = std::move(*key);
  } else if (auto resolved = resolve_certificates(spec, objects, default_roots, authority); !resolved) {
    return fail(std::move(resolved).error());
  }
  return authority;
}

/// Collects everything that can change a verdict, with separators that cannot stand inside a part.
class Fingerprint {
 public:
  void add(std::string_view what, std::string_view value) { text_ += fmt::format("\n{} {}", what, value); }
  void add_text(std::string_view what, std::string_view value) { add(what, base64_encode(value)); }
  void add(std::string_view what, const TextRule& rule) {
    add_text(rule.is_pattern() ? fmt::format("{} pattern", what) : what, rule.text());
  }
  void add(std::string_view what, const std::optional<WallTime>& time) {
    if (time) add(what, format_micros(*time));
  }
  void add(const Authority& authority) {
    add_text("authority", authority.name);
    if (authority.key) add(authority.is_key_revoked ? "revoked key" : "key", authority.key->id());
    if (authority.openpgp) add(authority.is_key_revoked ? "revoked key" : "key", authority.openpgp->id());
    add("issuer", authority.identity.issuer);
    add("subject", authority.identity.subject);
    for (const auto& [name, rule] : authority.identity.claims) add("claim " + name, rule);
    add("roots", authority.hash);
    for (const auto& [name, value] : authority.annotations) {
      add_text("annotation", name);
      add_text("value", value);
    }
  }
  void add(const Revocations& revoked) {
    for (const Digest& digest : revoked.digests) add("revoked", digest.text());
    for (const RevokedIdentity& one : revoked.identities) {
      add("revoked subject", one.subject);
      if (one.issuer) add("revoked issuer", *one.issuer);
      add("since", one.since);
    }
    add("signed after", revoked.signed_after);
  }
  std::string hash() const { return sha256_hex(text_); }

 private:
  std::string text_;
};

std::string hash_of(const TrustPolicy& policy) {
  const TrustPolicySpec& spec = policy.spec;
  Fingerprint fingerprint;
  fingerprint.add_text("policy", spec.name);
  fingerprint.add("mode", std::to_string(int(spec.mode)));
  fingerprint.add("quorum", std::to_string(int(spec.quorum)));
  for (const ImageGlob& glob : spec.images) fingerprint.add("image", glob.text());
  for (const FileGlob& glob : spec.files) fingerprint.add_text("file", glob.text());
  for (const Authority& authority : policy.authorities) fingerprint.add(authority);
  for (const AttestationRule& rule : spec.attestations)
    fingerprint.add_text("attestation", kintsugi::trust::fingerprint(rule));
  if (spec.signed_reference) fingerprint.add("signed reference", "repository");
  for (const auto& remap : spec.signed_reference.value_or(SignedReferenceRule{}).remap) {
    fingerprint.add_text("prefix", remap.prefix);
    fingerprint.add_text("signed prefix", remap.signed_prefix);
  }
  if (spec.signature_repository) fingerprint.add("signatures in", spec.signature_repository->name());
  if (spec.freshness) fingerprint.add_text("freshness", kintsugi::trust::fingerprint(*spec.freshness));
  for (const PinnedDigest& pin : spec.pinned_digests) {
    fingerprint.add("pin", pin.image.to_string());
    fingerprint.add("to", pin.digest.text());
  }
  for (const PinnedFile& pin : spec.pinned_files) {
    fingerprint.add_text("pinned file", pin.location.text());
    fingerprint.add("to", pin.digest.text());
  }
  fingerprint.add(spec.revoked);
  if (policy.defect) fingerprint.add_text("defect", policy.defect->message);
  return fingerprint.hash();
}

}  // namespace

bool TrustPolicySpec::selects(const ImageReference& image) const {
  return std::any_of(images.begin(), images.end(),
                     [&](const ImageGlob& glob) { return glob.matches(image); });
}

std::optional<Digest> TrustPolicySpec::pinned_digest(const ImageReference& image) const {
  const auto pin = std::find_if(pinned_digests.begin(), pinned_digests.end(), [&](const PinnedDigest& one) {
    return one.image.name() == image.name() && one.image.tag == image.tag;
  });
  return pin == pinned_digests.end() ? std::nullopt : std::optional(pin->digest);
}

bool TrustPolicySpec::pins(const ImageReference& image, const Digest& digest) const {
  return std::any_of(pinned_digests.begin(), pinned_digests.end(), [&](const PinnedDigest& one) {
    return one.digest == digest && one.image.name() == image.name();
  });
}

bool TrustPolicySpec::selects(const FileLocation& location) const {
  return std::any_of(files.begin(), files.end(),
                     [&](const FileGlob& glob) { return glob.matches(location); });
}

std::optional<Digest> TrustPolicySpec::pinned_digest(const FileLocation& location) const {
  const auto pin = std::find_if(pinned_files.begin(), pinned_files.end(),
                                [&](const PinnedFile& one) { return one.location == location; });
  return pin == pinned_files.end() ? std::nullopt : std::optional(pin->digest);
}

bool TrustPolicySpec::pins(const FileLocation& location, const Digest& digest) const {
  return pinned_digest(location) == digest;
}

Result<RootSet> read_trusted_roots(const std::vector<std::string>& paths) {
  std::vector<TextReference> references;
  for (const std::string& path : paths) references.push_back({TextReference::Source::kFile, path, {}});
  return read_roots(references, nullptr);
}

TrustPolicy resolve_references(TrustPolicySpec spec, const ObjectTextReader& objects,
                               const RootSet& default_roots) {
  TrustPolicy policy;
  for (const AuthoritySpec& one : spec.authorities) {
    auto authority = resolve(one, spec.revoked.keys, objects, default_roots);
    if (authority) {
      policy.authorities.push_back(std::move(*authority));
      continue;
    }
    policy.defect = std::move(authority).error().on(
        fmt::format("TrustPolicy {}, {}", escape(spec.name, 253), escape(one.name, 64)));
    break;
  }
  policy.spec = std::move(spec);
  policy.hash = hash_of(policy);
  return policy;
}

}  // namespace kintsugi::trust
