// SPDX-License-Identifier: Apache-2.0
#include "trust/cosign_signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "base/document.h"
#include "base/encoding.h"
#include "base/escape.h"
#include "trust/reasons.h"

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
Result<void> check_optional(const Node& optional) {
  if (optional.kind == Node::Kind::kNull) return {};
  if (optional.kind != Node::Kind::kObject) return malformed("optional is neither null nor an object");
  if (optional.members.size() > kMaxOptional) return malformed("over 256 annotations");
  for (const Node::Member& member : optional.members) {
    const bool scalar = member.value.kind == Node::Kind::kString || member.value.kind == Node::Kind::kNumber;
    if (!scalar) return malformed("an annotation is neither string nor number");
  }
  return {};
}

/// Has the payload the form in which cosign writes it, byte by byte?
bool is_written_by_cosign(std::string_view payload, const SignedPayload& content) {
  const std::string start = fmt::format(
      R"({{"critical":{{"identity":{{"docker-reference":"{}"}},"image":{{"docker-manifest-digest":"{}"}},"type":"{}"}},"optional":)",
      content.docker_reference, content.image.text(), kCriticalType);
  if (!payload.starts_with(start)) return false;
  const std::string_view optional = payload.substr(start.size());
  return optional == "null}" || (optional.starts_with('{') && optional.ends_with("}}"));
}

tl::unexpected<Error> no_key_fits(const SignatureLayer& layer, std::string_view payload,
                                  std::span<const PublicKey> keys, const Digest& image) {
  const bool has_form = std::any_of(keys.begin(), keys.end(),
                                    [&](const PublicKey& key) { return key.is_signature(layer.signature); });
  if (!keys.empty() && !has_form)
    return refuse(reason::kSignatureInvalid, "not of the form of a signature by any of the policy's keys");
  const auto content = parse_signed_payload(payload);
  if (content && content->image == image && is_written_by_cosign(payload, *content)) {
    const bool may_be_prehashed = std::any_of(keys.begin(), keys.end(), [&](const PublicKey& key) {
      return key.kind() == PublicKey::Kind::kEd25519 && key.is_signature(layer.signature);
    });
    std::string message = "signed by none of the policy's keys, or altered since";
    if (may_be_prehashed) {
      message +=
          "; or with Ed25519ph, as cosign 3 does with an Ed25519 key, which is not supported: sign with an "
          "ECDSA key";
    }
    return refuse(reason::kKeyMismatch, std::move(message));
  }
  return refuse(reason::kSignatureInvalid,
                "the signature is not over the stored payload by any of the policy's keys");
}

}  // namespace

std::string signature_tag(const Digest& image) {
  return fmt::format("sha256-{}.sig", image.hex());
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
  const std::string* text = layer.annotation(kSignatureAnnotation);
  if (text == nullptr || text->empty())
    return refuse(reason::kSignatureInvalid, "a layer without a signature");
  if (text->size() > kMaxSignatureText) return refuse(reason::kTooLarge, "signature over 2048 characters");
  auto signature = base64_decode(*text);
  if (!signature) return refuse(reason::kSignatureInvalid, "signature: " + signature.error().message);
  return SignatureLayer{layer.digest, std::size_t(layer.size), std::move(*signature)};
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
  if (auto done = check_optional(*root->find("optional")); !done) return fail(done.error());

  auto type = expect_text(*critical, "type");
  if (!type) return fail(std::move(type).error());
  if (*type != kCriticalType) return malformed(fmt::format("its type is \"{}\"", escape(*type, 64)));
  auto reference = expect_text(*identity, "docker-reference");
  if (!reference) return fail(std::move(reference).error());
  auto digest_text = expect_text(*image, "docker-manifest-digest");
  if (!digest_text) return fail(std::move(digest_text).error());
  auto digest = Digest::parse(*digest_text);
  if (!digest) return malformed(digest.error().message);
  return SignedPayload{std::move(*digest), std::move(*reference)};
}

Result<VerifiedSignature> verify_signature(const SignatureLayer& layer, std::string_view payload,
                                           std::span<const PublicKey> keys, const Digest& image) {
  if (payload.size() > kMaxPayloadBytes) return refuse(reason::kTooLarge, "signature payload over 64 KiB");
  const auto key = std::find_if(keys.begin(), keys.end(),
                                [&](const PublicKey& k) { return k.verify(payload, layer.signature); });
  if (key == keys.end()) return no_key_fits(layer, payload, keys, image);
  auto content = parse_signed_payload(payload);
  if (!content) return fail(std::move(content).error());
  if (content->image != image) {
    return refuse(reason::kDigestNotSigned,
                  fmt::format("the signature is over {} and not over this image", content->image.text()));
  }
  return VerifiedSignature{std::size_t(key - keys.begin()), std::move(*content)};
}

}  // namespace kintsugi::trust
