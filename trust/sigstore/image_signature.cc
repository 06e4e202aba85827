// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/image_signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/escape.h"
#include "trust/crypto/refusal.h"
#include "trust/sigstore/statement.h"

namespace kintsugi::trust {
namespace {

bool is_about(const ImageClaims& claims, const Digest& image) {
  return std::find(claims.images.begin(), claims.images.end(), image) != claims.images.end();
}

/// Is what is signed all that cosign would have signed for `image`?
bool is_as_written(const ImageSignature& signature, const Digest& image) {
  if (signature.envelope) {
    const auto claims = claims_of(signature);
    return claims && is_about(*claims, image);
  }
  const auto content = parse_signed_payload(signature.signed_bytes);
  return content && content->image == image && is_written_by_cosign(signature.signed_bytes, *content);
}

tl::unexpected<Error> no_key_fits(const ImageSignature& signature, std::span<const PublicKey> keys,
                                  const Digest& image) {
  const bool has_form = std::any_of(
      keys.begin(), keys.end(), [&](const PublicKey& key) { return key.is_signature(signature.signature); });
  if (!keys.empty() && !has_form)
    return refuse(reason::kSignatureInvalid, "not of the form of a signature by any of the policy's keys");
  if (!is_as_written(signature, image)) {
    return refuse(reason::kSignatureInvalid,
                  "the signature is not over the stored payload by any of the policy's keys");
  }
  const bool may_be_prehashed = std::any_of(keys.begin(), keys.end(), [&](const PublicKey& key) {
    return key.kind() == PublicKey::Kind::kEd25519 && key.is_signature(signature.signature);
  });
  constexpr char kUsual[] = "signed by none of the policy's keys, or altered since";
  constexpr char kPerhapsPrehashed[] =
      "signed by none of the policy's keys, or altered since; or with Ed25519ph, as cosign 3 does with an "
      "Ed25519 key, which is not supported: sign with an ECDSA key";
  return refuse(reason::kKeyMismatch, may_be_prehashed ? kPerhapsPrehashed : kUsual);
}

}  // namespace

ImageSignature signature_of_layer(const SignatureLayer& layer, std::string payload) {
  return {std::move(payload), layer.signature, std::nullopt, layer.material};
}

ImageSignature signature_of_envelope(Envelope envelope, VerificationMaterial material) {
  std::string encoding = envelope.pre_authentication_encoding();
  std::string signature = envelope.signature;
  return {std::move(encoding), std::move(signature), std::move(envelope), std::move(material)};
}

Result<ImageSignature> signature_of_bundle(Bundle bundle) {
  if (!bundle.envelope) {
    return fail(
        make_error(ErrorCode::kUnsupported, "a bundle that signs bytes and no statement about an image")
            .because(reason::kUnsupportedLayout));
  }
  return signature_of_envelope(std::move(*bundle.envelope), std::move(bundle.material));
}

bool is_attestation(const ImageSignature& signature) {
  if (!signature.envelope) return false;
  const auto statement = parse_statement(*signature.envelope);
  return statement && statement->predicate_type != kSignaturePredicate;
}

Result<ImageClaims> claims_of(const ImageSignature& signature) {
  if (!signature.envelope) {
    auto payload = parse_signed_payload(signature.signed_bytes);
    if (!payload) return fail(std::move(payload).error());
    return ImageClaims{
        {std::move(payload->image)}, std::move(payload->docker_reference), std::move(payload->annotations)};
  }
  auto statement = parse_statement(*signature.envelope);
  if (!statement) return fail(std::move(statement).error());
  if (statement->predicate_type != kSignaturePredicate) {
    return refuse(reason::kPredicateMismatch, fmt::format("an attestation of type {} and no signature",
                                                          escape(statement->predicate_type, 200)));
  }
  return ImageClaims{std::move(statement->subjects), {}, std::move(statement->annotations)};
}

Result<ImageClaims> claims_about(const ImageSignature& signature, const Digest& image) {
  auto claims = claims_of(signature);
  if (!claims) return claims;
  if (!is_about(*claims, image)) {
    return refuse(reason::kDigestNotSigned,
                  fmt::format("the signature is over {} and not over this image",
                              claims->images.empty() ? "no SHA-256 digest" : claims->images.front().text()));
  }
  return claims;
}

Result<VerifiedSignature> verify_signature(const ImageSignature& signature, std::span<const PublicKey> keys,
                                           const Digest& image) {
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const PublicKey& one) {
    return one.verify(signature.signed_bytes, signature.signature);
  });
  if (key == keys.end()) return no_key_fits(signature, keys, image);
  auto claims = claims_about(signature, image);
  if (!claims) return fail(std::move(claims).error());
  return VerifiedSignature{std::size_t(key - keys.begin()), std::move(*claims)};
}

}  // namespace kintsugi::trust
