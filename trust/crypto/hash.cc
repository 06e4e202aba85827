// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/hash.h"

#include <openssl/evp.h>

#include <stdexcept>

#include "trust/crypto/openssl.h"

namespace kintsugi::trust {
namespace {

const EVP_MD* implementation_of(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::kSha256: return EVP_sha256();
    case HashAlgorithm::kSha384: return EVP_sha384();
    case HashAlgorithm::kSha512: return EVP_sha512();
  }
  return nullptr;
}

}  // namespace

std::size_t hash_bytes(HashAlgorithm algorithm) {
  return std::size_t(EVP_MD_get_size(implementation_of(algorithm)));
}

std::string hash_of(HashAlgorithm algorithm, std::string_view bytes) {
  std::string hash = hash_of(implementation_of(algorithm), bytes);
  if (hash.empty()) throw std::runtime_error("OpenSSL cannot hash");
  return hash;
}

}  // namespace kintsugi::trust
