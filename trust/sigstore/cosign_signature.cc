// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/cosign_signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "base/document.h"
#include "base/encoding.h"
#include "base/escape.h"
#include "trust/crypto/reasons.h"
#include "trust/sigstore/cosign_annotations.h"

namespace kintsugi::trust {
namespace {

constexpr std::string_view kPayloadType = "application/vnd.dev.cosign.simplesigning.v1+json";
constexpr std::string_view kSignatureAnnotation = "dev.cosignproject.cosign/signature";
constexpr std::string_view kCriticalType = "cosign container image signature";
constexpr std::size_t kMaxSignatureText = 2048;  // RSA of 8192 bits has 1368
constexpr std::size_t kMaxOptional = 256;

tl::unexpected<Error> refuse(const char* why, std::string message, ErrorCode code = ErrorCode::kRefused) {
  return fail(make_error(code, std::move(message)).because(why));
}

tl::unexpected<Error> malformed(std::string what) {
  return refuse(reason::kPayloadMalformed, "malformed signature payload: " + std::move(what),
                ErrorCode::kInvalidInput);
}

/// `node` is an object with these members, all of them, and no other.
Result<void> expect_members(const Node* node, std::string_view name,
                            std::initializer_list<std::string_view> keys) {
  if (node == nullptr || node->kind != Node::Kind::kObject)
    return malformed(fmt::format("{} is no object", name));
  for (const Node::Member& member : node->members) {
    if (std::find(keys.begin(), keys.end(), member.key) == keys.end()) {
      return malformed(fmt::format("unknown field \"{}\" in {}", escape(member.key, 64), name));
    }
  }
  for (const std::string_view key : keys) {
    if (node->find(key) == nullptr) return malformed(fmt::format("{} lacks \"{}\"", name, key));
  }
  return {};
}

Result<std::string> expect_text(const Node& object, std::string_view key) {
  const Node* node = object.find(key);
  if (node == nullptr || node->kind != Node::Kind::kString)
    return malformed(fmt::format("{} is no string", key));
  return node->text;
}

/// `optional`: null, or a flat map of what the signer annotated.
Result<Annotations> read_optional(const Node& optional) {
  Annotations annotations;
  if (optional.kind == Node::Kind::kNull) return annotations;
  if (optional.kind != Node::Kind::kObject) return malformed("optional is neither null nor an object");
  if (optional.members.size() > kMaxOptional) return malformed("over 256 annotations");
  for (const Node::Member& member : optional.members) {
    const bool scalar = member.value.kind == Node::Kind::kString || member.value.kind == Node::Kind::kNumber;
    if (!scalar) return malformed("an annotation is neither string nor number");
    if (member.value.kind == Node::Kind::kString) annotations.emplace(member.key, member.value.text);
  }
  return annotations;
}

}  // namespace

std::string signature_tag(const Digest& image) {
  return fmt::format("sha256-{}.sig", image.hex());
}

std::string attestation_tag(const Digest& image) {
  return fmt::format("sha256-{}.att", image.hex());
}

Result<SignatureLayer> read_signature_layer(const Descriptor& layer) {
  if (layer.media_type != kPayloadType) {
    return refuse(reason::kUnsupportedLayout,
                  fmt::format("a layer of type \"{}\" is no cosign signature", escape(layer.media_type, 100)),
                  ErrorCode::kUnsupported);
  }
  if (layer.size > std::int64_t(kMaxPayloadBytes)) {
    return refuse(
        reason::kTooLarge,
        fmt::format("signature payload of {} bytes, at most {} are read", layer.size, kMaxPayloadBytes),
        ErrorCode::kTooLarge);
  }
  const std::string* text = find_annotation(layer.annotations, kSignatureAnnotation);
  if (text == nullptr || text->empty())
    return refuse(reason::kSignatureInvalid, "a layer without a signature");
  if (text->size() > kMaxSignatureText) return refuse(reason::kTooLarge, "signature over 2048 characters");
  auto signature = base64_decode(*text);
  if (!signature) return refuse(reason::kSignatureInvalid, "signature: " + signature.error().message);
  auto material = read_cosign_annotations(layer.annotations);
  if (!material) return fail(std::move(material).error());
  return SignatureLayer{layer.digest, std::size_t(layer.size), std::move(*signature), std::move(*material)};
}

Result<SignedPayload> parse_signed_payload(std::string_view payload) {
  const auto root =
      parse_json_document(payload, {.max_bytes = kMaxPayloadBytes, .max_depth = 8, .max_nodes = 1024});
  if (!root) return malformed(root.error().message);
  if (auto done = expect_members(&*root, "payload", {"critical", "optional"}); !done)
    return fail(done.error());
  const Node* critical = root->find("critical");
  if (auto done = expect_members(critical, "critical", {"identity", "image", "type"}); !done)
    return fail(done.error());
  const Node* identity = critical->find("identity");
  if (auto done = expect_members(identity, "identity", {"docker-reference"}); !done)
    return fail(done.error());
  const Node* image = critical->find("image");
  if (auto done = expect_members(image, "image", {"docker-manifest-digest"}); !done)
    return fail(done.error());
  auto annotations = read_optional(*root->find("optional"));
  if (!annotations) return fail(std::move(annotations).error());

  auto type = expect_text(*critical, "type");
  if (!type) return fail(std::move(type).error());
  if (*type != kCriticalType) return malformed(fmt::format("its type is \"{}\"", escape(*type, 64)));
  auto reference = expect_text(*identity, "docker-reference");
  if (!reference) return fail(std::move(reference).error());
  auto digest_text = expect_text(*image, "docker-manifest-digest");
  if (!digest_text) return fail(std::move(digest_text).error());
  auto digest = Digest::parse(*digest_text);
  if (!digest) return malformed(digest.error().message);
  return SignedPayload{std::move(*digest), std::move(*reference), std::move(*annotations)};
}

bool is_written_by_cosign(std::string_view payload, const SignedPayload& content) {
  const std::string start = fmt::format(
      R"({{"critical":{{"identity":{{"docker-reference":"{}"}},"image":{{"docker-manifest-digest":"{}"}},"type":"{}"}},"optional":)",
      content.docker_reference, content.image.text(), kCriticalType);
  if (!payload.starts_with(start)) return false;
  const std::string_view optional = payload.substr(start.size());
  return optional == "null}" || (optional.starts_with('{') && optional.ends_with("}}"));
}

}  // namespace kintsugi::trust
