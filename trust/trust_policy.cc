// SPDX-License-Identifier: Apache-2.0
#include "trust/trust_policy.h"

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
constexpr std::size_t kMaxKeyBytes = 64u << 10;
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

void read_key(const Node& node, const std::string& path, ProblemList& problems, KeyReference& out) {
  ObjectReader reader(node, path, {"inline", "file", "configMapRef"}, problems);
  int given = 0;
  if (reader.string("inline", out.text, Presence::kOptional, {.max_bytes = kMaxKeyBytes})) {
    out.source = KeyReference::Source::kInline;
    ++given;
  }
  if (reader.string("file", out.text)) {
    out.source = KeyReference::Source::kFile;
    if (!out.text.starts_with('/')) reader.report("file", "the path must be absolute");
    ++given;
  }
  if (const Node* reference = reader.object("configMapRef")) {
    ObjectReader config_map(*reference, reader.path_of("configMapRef"), {"name", "key"}, problems);
    out.source = KeyReference::Source::kConfigMap;
    out.key = "cosign.pub";
    config_map.string("name", out.text, Presence::kRequired, {.max_bytes = 253});
    config_map.string("key", out.key, Presence::kOptional, {.max_bytes = 253});
    ++given;
  }
  if (given != 1)
    problems.add(node.position, path, "exactly one of 'inline', 'file' and 'configMapRef' is needed");
}

AuthoritySpec read_authority(const Node& node, const std::string& path, ProblemList& problems) {
  AuthoritySpec authority;
  ObjectReader reader(node, path, {"name", "key", "keyless"}, problems);
  authority.name = path.substr(path.find('.') + 1);
  reader.string("name", authority.name, Presence::kOptional, {.max_bytes = 63});
  const Node* key = reader.object("key");
  const Node* keyless = reader.object("keyless");
  if ((key == nullptr) == (keyless == nullptr)) {
    problems.add(node.position, path, "exactly one of 'key' and 'keyless' is needed");
  } else if (key != nullptr) {
    read_key(*key, reader.path_of("key"), problems, authority.key);
  } else {
    authority.kind = AuthoritySpec::Kind::kKeyless;
    ObjectReader identity(*keyless, reader.path_of("keyless"), {"issuer", "subject"}, problems);
    identity.string("issuer", authority.issuer, Presence::kRequired);
    identity.string("subject", authority.subject, Presence::kRequired);
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

Result<std::string> read_key_text(const KeyReference& reference, const ConfigMapReader& config_maps) {
  switch (reference.source) {
    case KeyReference::Source::kInline: return reference.text;
    case KeyReference::Source::kFile: return read_file(reference.text, kMaxKeyBytes);
    case KeyReference::Source::kConfigMap: return config_maps(reference.text, reference.key);
  }
  return fail(ErrorCode::kInternal, "unknown source of a key");
}

Result<PublicKey> read_public_key(const TrustPolicySpec& spec, const AuthoritySpec& authority,
                                  const ConfigMapReader& config_maps) {
  const auto text = read_key_text(authority.key, config_maps);
  auto key = text ? PublicKey::parse(*text) : Result<PublicKey>(fail(text.error()));
  if (key) return key;
  return fail(std::move(key).error().on(
      fmt::format("TrustPolicy {}, {}", escape(spec.name, 253), escape(authority.name, 64))));
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
  for (const AuthoritySpec& authority : policy.spec.authorities) {
    if (authority.kind != AuthoritySpec::Kind::kKeyless) continue;
    add("keyless ", base64_encode(authority.issuer) + " " + base64_encode(authority.subject));
  }
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
    ObjectReader spec(*node, "spec", {"images", "authorities", "revoked"}, problems);
    read_images(spec, out);
    read_authorities(spec, problems, out);
    read_revoked(spec, problems, out);
  }
  return out;
}

TrustPolicy resolve_keys(TrustPolicySpec spec, const ConfigMapReader& config_maps) {
  TrustPolicy policy;
  for (const AuthoritySpec& authority : spec.authorities) {
    if (authority.kind == AuthoritySpec::Kind::kKeyless) continue;
    auto key = read_public_key(spec, authority, config_maps);
    if (!key) {
      policy.defect = std::move(key).error();
      break;
    }
    auto& keys = spec.revoked_keys.contains(key->id()) ? policy.dead_keys : policy.keys;
    keys.push_back(std::move(*key));
  }
  policy.spec = std::move(spec);
  policy.hash = hash_of(policy);
  return policy;
}

}  // namespace kintsugi::trust
