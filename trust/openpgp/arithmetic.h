// SPDX-License-Identifier: Apache-2.0
//
// What OpenSSL computes for this folder.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "trust/openpgp/signature.h"

struct evp_pkey_st;

namespace kintsugi::trust::openpgp {

using Key = std::shared_ptr<evp_pkey_st>;

/// Null where OpenSSL does not take the numbers, which are big-endian.
Key make_rsa_key(std::string_view modulus, std::string_view exponent);
/// Of the 32 bytes of RFC 8032.
Key make_ed25519_key(std::string_view point);

/// Empty for a hash that is not known.
std::string hash_of(Hash hash, std::string_view bytes);

/// Whether `signature` is one over what hashes to `digest`: PKCS#1 v1.5, of the modulus's length.
bool verify_rsa(evp_pkey_st& key, Hash hash, std::string_view digest, std::string_view signature);
/// Ed25519 over `message`, which in OpenPGP is a hash.
bool verify_ed25519(evp_pkey_st& key, std::string_view message, std::string_view signature);

/// Of the modulus.
std::size_t rsa_bytes(const evp_pkey_st& key);

}  // namespace kintsugi::trust::openpgp
