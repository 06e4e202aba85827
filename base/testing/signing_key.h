// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace kintsugi {

/// A key pair that signs images for tests and the demo. Never for anything else: it is made anew each time
/// and stays in memory unprotected.
class SigningKey {
 public:
  /// `kind`: a curve ("P-256", "P-384", "P-521", "secp256k1"), "ED25519", "X25519", or "RSA-2048" and the
  /// like.
  explicit SigningKey(const std::string& kind = "P-256");

  /// The public half, as SubjectPublicKeyInfo.
  std::string der() const;
  /// "-----BEGIN PUBLIC KEY-----…", as `cosign.pub` has it.
  std::string pem() const;
  enum class Padding : std::uint8_t { kPkcs1, kPss };
  /// ECDSA in ASN.1 DER. `hash` is OpenSSL's name of it; Ed25519 has none.
  std::string sign(std::string_view message, const char* hash = "SHA256",
                   Padding rsa_padding = Padding::kPkcs1) const;

 private:
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace kintsugi
