// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace kintsugi {

/// A key pair that signs images for tests and the demo. Never for anything else: it is made anew each time
/// and stays in memory unprotected.
class SigningKey {
 public:
  /// `kind`: a curve ("P-256", "P-384", "P-521", "secp256k1"), "ED25519", or "RSA" (2048 bits).
  explicit SigningKey(const std::string& kind = "P-256");

  /// The public half, as SubjectPublicKeyInfo.
  std::string der() const;
  /// "-----BEGIN PUBLIC KEY-----…", as `cosign.pub` has it.
  std::string pem() const;
  /// Over SHA-256; ECDSA in ASN.1 DER.
  std::string sign(std::string_view message) const;

 private:
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace kintsugi
