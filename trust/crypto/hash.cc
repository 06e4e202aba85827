// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/hash.h"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

#include "trust/crypto/openssl.h"

namespace kintsugi::trust {

std::size_t hash_bytes(HashAlgorithm algorithm) {
  return std::size_t(EVP_MD_get_size(implementation_of(algorithm)));
}

std::string hash_of(HashAlgorithm algorithm, std::string_view bytes) {
  std::string hash = hash_of(implementation_of(algorithm), bytes);
  if (hash.empty()) throw std::runtime_error("OpenSSL cannot hash");
  return hash;
}

Hasher::Hasher(HashAlgorithm algorithm) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), implementation_of(algorithm), nullptr) != 1)
    throw std::runtime_error("OpenSSL cannot start a hash");
}

void Hasher::update(std::string_view piece) {
  if (EVP_DigestUpdate(context_.get(), piece.data(), piece.size()) != 1)
    throw std::runtime_error("OpenSSL cannot hash");
}

std::string Hasher::finish() {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context_.get(), hash.data(), &size) != 1)
    throw std::runtime_error("OpenSSL cannot finish a hash");
  return std::string(text_of(hash.data(), size));
}

}  // namespace kintsugi::trust
