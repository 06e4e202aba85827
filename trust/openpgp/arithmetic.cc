// SPDX-License-Identifier: Apache-2.0
#include "trust/openpgp/arithmetic.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "trust/crypto/openssl.h"

namespace kintsugi::trust::openpgp {
namespace {

using Number = Owned<BIGNUM, BN_free>;

Number number_of(std::string_view bytes) {
  return Number(BN_bin2bn(bytes_of(bytes), int(bytes.size()), nullptr));
}

const EVP_MD* implementation_of(Hash hash) {
  switch (hash) {
    case Hash::kSha1: return EVP_sha1();
    case Hash::kSha256: return EVP_sha256();
    case Hash::kSha384: return EVP_sha384();
    case Hash::kSha512: return EVP_sha512();
  }
  return nullptr;
}

}  // namespace

Key make_rsa_key(std::string_view modulus, std::string_view exponent) {
  const ErrorQueueGuard errors;
  const Number n = number_of(modulus), e = number_of(exponent);
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> build(OSSL_PARAM_BLD_new());
  if (!n || !e || !build || OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(build.get()));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return {key, EVP_PKEY_free};
}

Key make_ed25519_key(std::string_view point) {
  const ErrorQueueGuard errors;
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(point), point.size());
  return key == nullptr ? nullptr : Key(key, EVP_PKEY_free);
}

std::string hash_of(Hash hash, std::string_view bytes) {
  const ErrorQueueGuard errors;
  const EVP_MD* implementation = implementation_of(hash);
  return implementation == nullptr ? std::string() : trust::hash_of(implementation, bytes);
}

bool verify_rsa(EVP_PKEY& key, Hash hash, std::string_view digest, std::string_view signature) {
  const ErrorQueueGuard errors;
  const EVP_MD* implementation = implementation_of(hash);
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr));
  return implementation != nullptr && context && EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(context.get(), implementation) == 1 &&
         EVP_PKEY_verify(context.get(), bytes_of(signature), signature.size(), bytes_of(digest),
                         digest.size()) == 1;
}

bool verify_ed25519(EVP_PKEY& key, std::string_view message, std::string_view signature) {
  const ErrorQueueGuard errors;
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, &key) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                          message.size()) == 1;
}

std::size_t rsa_bytes(const EVP_PKEY& key) {
  return std::size_t(EVP_PKEY_get_size(&key));
}

}  // namespace kintsugi::trust::openpgp
