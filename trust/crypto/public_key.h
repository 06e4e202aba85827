// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "trust/crypto/hash.h"

struct evp_pkey_st;

namespace kintsugi::trust {

/// A key that signatures are checked with. The algorithm follows from the key alone and never from a
/// signature, so that there is nothing to confuse:
///
/// | key                      | signature                | hash                                            |
/// |--------------------------|--------------------------|-------------------------------------------------|
/// | ECDSA P-256              | ASN.1 in DER             | SHA-256                                         |
/// | ECDSA P-384, P-521       | ASN.1 in DER             | SHA-384, SHA-512; SHA-256, which cosign uses    |
/// | Ed25519                  | RFC 8032, 64 bytes       | none: over the message (Ed25519ph is refused)   |
/// | RSA of 2048 to 8192 bits | PKCS#1 v1.5, or PSS      | SHA-256                                         |
///
/// Copies share the key; thread-safe.
class PublicKey {
 public:
  /// Reads a SubjectPublicKeyInfo, as PEM ("BEGIN PUBLIC KEY", nothing before or after it) or as DER.
  /// Errors: kInvalidInput for malformed bytes; kUnsupported with the reason UnsupportedKey for a good key of
  /// a kind that is not accepted. A private key is refused without repeating any of it.
  static Result<PublicKey> parse(std::string_view pem_or_der);

  /// "sha256:…" over the DER: the same for the same key however it was stored.
  const std::string& id() const { return id_; }
  /// SubjectPublicKeyInfo.
  const std::string& der() const { return der_; }

  enum class Kind : std::uint8_t { kEcdsaP256, kEcdsaP384, kEcdsaP521, kEd25519, kRsa };
  Kind kind() const { return kind_; }

  /// Whether `signature` has the form of one by such a key, before any mathematics: its length, and for ECDSA
  /// its DER, exactly as encoded by the rules. The IEEE P1363 form (r||s) is none.
  bool is_signature(std::string_view signature) const;
  /// True when `signature` is one over `message` by this key.
  bool verify(std::string_view message, std::string_view signature) const;
  /// The hashes that signatures by such a key are made over, its curve's own first. None for Ed25519, which
  /// signs the message itself.
  std::span<const HashAlgorithm> hashes() const;
  /// As verify() for whom has no more than a hash of the message, as raw bytes. False where it is none of
  /// hashes().
  bool verify_hash(HashAlgorithm algorithm, std::string_view hash, std::string_view signature) const;
  /// The same by the message's SHA-256, 32 raw bytes.
  bool verify_digest(std::string_view sha256, std::string_view signature) const {
    return verify_hash(HashAlgorithm::kSha256, sha256, signature);
  }

 private:
  PublicKey(std::shared_ptr<evp_pkey_st> key, Kind kind, std::string id, std::string der)
      : key_(std::move(key)), kind_(kind), id_(std::move(id)), der_(std::move(der)) {}
  std::shared_ptr<evp_pkey_st> key_;
  Kind kind_;
  std::string id_;
  std::string der_;
};

/// True for an ECDSA-Sig-Value in DER: two positive INTEGERs of least length and not a byte more.
bool is_der_ecdsa_signature(std::string_view bytes);

}  // namespace kintsugi::trust
