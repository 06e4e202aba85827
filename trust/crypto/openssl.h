// SPDX-License-Identifier: Apache-2.0
//
// What the files of trust/ share that use OpenSSL. Private: only .cc files include it.
#pragma once

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "trust/crypto/hash.h"

namespace kintsugi::trust {

template <auto Free>
struct Release {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

/// An object of OpenSSL, given back by its own function.
template <class T, auto Free>
using Owned = std::unique_ptr<T, Release<Free>>;

/// A list of certificates that belong to others.
using CertificateStack = Owned<STACK_OF(X509), [](STACK_OF(X509) * stack) { sk_X509_free(stack); }>;

/// Empties this thread's error queue at the end of a scope, so that no later caller finds these errors there.
class ErrorQueueGuard {
 public:
  ErrorQueueGuard() = default;
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
  ~ErrorQueueGuard() { ERR_clear_error(); }
};

inline const std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

inline std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

inline std::string_view text_of(const ASN1_STRING* text) {
  return text_of(ASN1_STRING_get0_data(text), std::size_t(ASN1_STRING_length(text)));
}

/// What one of OpenSSL's i2d functions writes; empty where it fails.
template <auto Write, class T>
std::string encode(T* object) {
  std::uint8_t* bytes = nullptr;
  const int size = Write(object, &bytes);
  const Owned<std::uint8_t, [](std::uint8_t* p) { OPENSSL_free(p); }> owner(bytes);
  return size > 0 ? std::string(text_of(bytes, std::size_t(size))) : std::string();
}

/// OpenSSL's implementation; it lives as long as the process.
inline const EVP_MD* implementation_of(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::kSha256: return EVP_sha256();
    case HashAlgorithm::kSha384: return EVP_sha384();
    case HashAlgorithm::kSha512: return EVP_sha512();
  }
  return nullptr;
}

/// The raw hash; empty where OpenSSL cannot make it, which no hash is equal to.
inline std::string hash_of(const EVP_MD* algorithm, std::string_view bytes) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), hash.data(), &size, algorithm, nullptr) != 1) return {};
  return std::string(text_of(hash.data(), size));
}

}  // namespace kintsugi::trust
