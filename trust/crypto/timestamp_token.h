// SPDX-License-Identifier: Apache-2.0
//
// The signature of an RFC 3161 timestamp: a CMS SignedData (RFC 5652) by one signer. Private: only .cc files
// include it.
#pragma once

#include <openssl/ts.h>

#include <vector>

#include "base/result.h"
#include "trust/crypto/certificate_chain.h"

namespace kintsugi::trust {

/// SHA-256, SHA-384 or SHA-512; null for any other.
const EVP_MD* strong_hash(const ASN1_OBJECT* algorithm);

/// A view of OpenSSL's object, which must outlive it.
class TimestampToken {
 public:
  /// Errors: kInvalidInput.
  static Result<TimestampToken> read(PKCS7& token);

  /// The certificates with the issuer and serial number that the token names: of those that it brings, or
  /// where the authority lists its leaf, that one alone.
  std::vector<Certificate> possible_signers(const CertificateAuthority& authority) const;
  /// Is it signed by the first of `chain`, and does what is signed name that certificate (RFC 3161 §2.4.2,
  /// RFC 5816)? Other certificates that are named with it must be in the chain.
  bool is_signed_by(const std::vector<Certificate>& chain) const;

 private:
  TimestampToken(PKCS7& token, PKCS7_SIGNER_INFO& signer, std::vector<Certificate> certificates)
      : token_(&token), signer_(&signer), certificates_(std::move(certificates)) {}
  bool is_signer(const Certificate& certificate) const;

  PKCS7* token_;
  PKCS7_SIGNER_INFO* signer_;
  std::vector<Certificate> certificates_;
};

/// True where the timestamp's `tsa`, if it has one, is a name of its signer (RFC 3161 §2.4.2).
bool names_signer(TS_TST_INFO& info, const Certificate& signer);

}  // namespace kintsugi::trust
