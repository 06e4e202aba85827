// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "trust/digest.h"
#include "trust/public_key.h"

struct evp_pkey_st;

namespace kintsugi::trust::testing {

/// A key pair made for one test, and what a signer does with it.
class SigningKey {
 public:
  /// `kind`: a curve ("P-256", "P-384", "P-521", "secp256k1"), "ED25519", or "RSA" (2048 bits).
  explicit SigningKey(const std::string& kind = "P-256");

  std::string der() const;
  std::string pem() const;
  PublicKey public_key() const { return PublicKey::parse(pem()).value(); }
  /// DER, with SHA-256.
  std::string sign(std::string_view message) const;

 private:
  std::shared_ptr<evp_pkey_st> key_;
};

/// The payload that cosign writes.
std::string cosign_payload(const Digest& image, std::string_view reference = "registry.example.com/shop/web");

}  // namespace kintsugi::trust::testing
