// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;

namespace kintsugi::trust {

/// A key that signatures are checked with: an ECDSA key on P-256, used with SHA-256. The algorithm follows
/// from the key alone and never from a signature, so that there is nothing to confuse. Copies share the key;
/// thread-safe.
class PublicKey {
 public:
  /// Reads a SubjectPublicKeyInfo, as PEM ("BEGIN PUBLIC KEY", nothing before or after it) or as DER.
  /// Errors: kInvalidInput for malformed bytes; kUnsupported with the reason UnsupportedKey for a good key of
  /// a kind that is not accepted. A private key is refused without repeating any of it.
  static Result<PublicKey> parse(std::string_view pem_or_der);

  /// "sha256:…" over the DER: the same for the same key however it was stored.
  const std::string& id() const { return id_; }

  /// True when `signature` is an ASN.1 ECDSA signature in DER, exactly as encoded by the rules, over SHA-256
  /// of `message`, by this key. The IEEE P1363 form (r||s) is not accepted.
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  PublicKey(std::shared_ptr<evp_pkey_st> key, std::string id) : key_(std::move(key)), id_(std::move(id)) {}
  std::shared_ptr<evp_pkey_st> key_;
  std::string id_;
};

/// True for an ECDSA-Sig-Value in DER: two positive INTEGERs of least length and not a byte more.
bool is_der_ecdsa_signature(std::string_view bytes);

}  // namespace kintsugi::trust
