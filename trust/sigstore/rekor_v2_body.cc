// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/encoding.h"
#include "trust/crypto/certificate.h"
#include "trust/sigstore/log_entry_body.h"

namespace kintsugi::trust {
namespace {

/// A value of protobuf's PublicKeyDetails that Rekor v2 writes, and the hash that it implies.
struct KeyDetails {
  std::string_view name;
  HashAlgorithm hash;
};

Result<KeyDetails> key_details_of(const PublicKey& key, std::size_t signature_bits) {
  switch (key.kind()) {
    case PublicKey::Kind::kEcdsaP256: return KeyDetails{"PKIX_ECDSA_P256_SHA_256", HashAlgorithm::kSha256};
    case PublicKey::Kind::kEcdsaP384: return KeyDetails{"PKIX_ECDSA_P384_SHA_384", HashAlgorithm::kSha384};
    case PublicKey::Kind::kEcdsaP521: return KeyDetails{"PKIX_ECDSA_P521_SHA_512", HashAlgorithm::kSha512};
    case PublicKey::Kind::kEd25519: break;  // only as Ed25519ph, which PublicKey refuses
    case PublicKey::Kind::kRsa:             // whose signatures are as long as the key
      if (signature_bits == 2048) return KeyDetails{"PKIX_RSA_PKCS1V15_2048_SHA256", HashAlgorithm::kSha256};
      if (signature_bits == 3072) return KeyDetails{"PKIX_RSA_PKCS1V15_3072_SHA256", HashAlgorithm::kSha256};
      if (signature_bits == 4096) return KeyDetails{"PKIX_RSA_PKCS1V15_4096_SHA256", HashAlgorithm::kSha256};
      break;
  }
  return invalid_log_entry("Rekor v2 takes no signature by a key of this kind");
}

Result<PublicKey> key_of(const LoggedSignature& logged) {
  if (logged.certificate.empty()) return PublicKey::parse(logged.public_key);
  const auto certificate = Certificate::parse_der(logged.certificate);
  if (!certificate) return fail(certificate.error());
  return certificate->public_key();
}

std::string_view name_of(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::kSha256: return "SHA2_256";
    case HashAlgorithm::kSha384: return "SHA2_384";
    case HashAlgorithm::kSha512: return "SHA2_512";
  }
  return {};
}

std::string hash_json(HashAlgorithm algorithm, std::string_view digest) {
  return fmt::format(R"({{"algorithm":"{}","digest":"{}"}})", name_of(algorithm), base64_encode(digest));
}

std::string signature_json(const LoggedSignature& logged, const KeyDetails& details) {
  const std::string verifier =
      logged.certificate.empty()
          ? fmt::format(R"("publicKey":{{"rawBytes":"{}"}})", base64_encode(logged.public_key))
          : fmt::format(R"("x509Certificate":{{"rawBytes":"{}"}})", base64_encode(logged.certificate));
  return fmt::format(R"({{"content":"{}","verifier":{{"keyDetails":"{}",{}}}}})",
                     base64_encode(logged.signature), details.name, verifier);
}

}  // namespace

Result<std::string> make_rekor_v2_body(const LogEntry& entry, const LoggedSignature& logged) {
  const auto key = key_of(logged);
  if (!key) return invalid_log_entry("the signer's key cannot be logged: " + key.error().message);
  const auto details = key_details_of(*key, 8 * logged.signature.size());
  if (!details) return fail(details.error());
  const std::string signature = signature_json(logged, *details);
  if (entry.kind == "hashedrekord") {
    const auto digest = signed_digest(logged, details->hash);
    if (!digest) return fail(digest.error());
    return fmt::format(
        R"({{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{{"hashedRekordV002":{{"data":{},"signature":{}}}}}}})",
        hash_json(details->hash, *digest), signature);
  }
  if (logged.content != LoggedSignature::Content::kEnvelope)
    return other_log_entry("content: an envelope instead of a message");
  return fmt::format(
      R"({{"apiVersion":"0.0.2","kind":"dsse","spec":{{"dsseV002":{{"payloadHash":{},"signatures":[{}]}}}}}})",
      hash_json(HashAlgorithm::kSha256, sha256(logged.payload)), signature);
}

}  // namespace kintsugi::trust
