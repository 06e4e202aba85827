// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/public_key.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "trust/crypto/digest.h"
#include "trust/crypto/hash.h"
#include "trust/crypto/openssl.h"
#include "trust/crypto/pem.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxKeyBytes = 64u << 10;
constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;
constexpr std::string_view kBegin = "-----BEGIN ";

/// The DER inside one PEM block that is all of `pem`.
Result<std::string> decode_pem(std::string_view pem) {
  if (pem.substr(0, pem.find('\n')).find("PRIVATE KEY") != std::string_view::npos) {
    return fail(make_error(ErrorCode::kInvalidInput, "this is a private key")
                    .advise("give the public key, and treat this private key as disclosed"));
  }
  auto der = take_pem_block(pem, "PUBLIC KEY");
  if (der && !pem.empty()) return fail(ErrorCode::kInvalidInput, "text after the PEM block");
  return der;
}

std::shared_ptr<EVP_PKEY> decode_spki(const std::string& der) {
  const ErrorQueueGuard errors;
  const std::uint8_t* at = bytes_of(der);
  std::shared_ptr<EVP_PKEY> key(d2i_PUBKEY(nullptr, &at, long(der.size())), EVP_PKEY_free);
  if (!key || at != bytes_of(der) + der.size()) return nullptr;
  return encode<i2d_PUBKEY>(key.get()) == der ? key : nullptr;
}

std::string text_parameter(const EVP_PKEY& key, const char* name) {
  std::array<char, 64> text{};
  std::size_t length = 0;
  const int found = EVP_PKEY_get_utf8_string_param(&key, name, text.data(), text.size(), &length);
  ERR_clear_error();
  return found == 1 ? std::string(text.data(), length) : std::string();
}

tl::unexpected<Error> unsupported(const std::string& kind) {
  return fail(
      make_error(ErrorCode::kUnsupported, "unsupported public key: " + kind)
          .advise("use ECDSA on P-256 (what cosign makes), P-384 or P-521, Ed25519, or RSA of 2048 to "
                  "8192 bits")
          .because(reason::kUnsupportedKey));
}

Result<PublicKey::Kind> kind_of_ec(const EVP_PKEY& key) {
  if (text_parameter(key, OSSL_PKEY_PARAM_EC_ENCODING) != "named_curve")
    return unsupported("ECDSA with explicit parameters");
  const std::string curve = text_parameter(key, OSSL_PKEY_PARAM_GROUP_NAME);
  if (curve == "prime256v1") return PublicKey::Kind::kEcdsaP256;
  if (curve == "secp384r1") return PublicKey::Kind::kEcdsaP384;
  if (curve == "secp521r1") return PublicKey::Kind::kEcdsaP521;
  return unsupported("ECDSA on " + curve);
}

/// An even exponent, or 1, makes no RSA key; OpenSSL reads both.
bool has_rsa_exponent(const EVP_PKEY& key) {
  BIGNUM* exponent = nullptr;
  const int found = EVP_PKEY_get_bn_param(&key, OSSL_PKEY_PARAM_RSA_E, &exponent);
  const std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> owner(exponent, BN_free);
  ERR_clear_error();
  return found == 1 && BN_is_odd(exponent) && !BN_is_one(exponent);
}

Result<PublicKey::Kind> kind_of_rsa(const EVP_PKEY& key) {
  const int bits = EVP_PKEY_get_bits(&key);
  if (bits < kMinRsaBits || bits > kMaxRsaBits)
    return unsupported("RSA of " + std::to_string(bits) + " bits");
  if (!has_rsa_exponent(key)) return fail(ErrorCode::kInvalidInput, "an RSA key with an impossible exponent");
  return PublicKey::Kind::kRsa;
}

Result<PublicKey::Kind> kind_of(const EVP_PKEY& key) {
  if (EVP_PKEY_is_a(&key, "EC")) return kind_of_ec(key);
  if (EVP_PKEY_is_a(&key, "RSA")) return kind_of_rsa(key);
  if (EVP_PKEY_is_a(&key, "ED25519")) return PublicKey::Kind::kEd25519;
  const char* name = EVP_PKEY_get0_type_name(&key);
  return unsupported(name == nullptr ? "of an unknown kind" : name);
}

/// Of RSA, whose default is that of PKCS#1 v1.5; other keys have none.
enum class Padding : std::uint8_t { kDefault, kPss };

/// Is `signature` one over what hashes to `digest`? Of ECDSA and RSA.
bool signs_digest(EVP_PKEY& key, const EVP_MD* hash, Padding padding, std::string_view digest,
                  std::string_view signature) {
  const ErrorQueueGuard errors;
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr));
  bool good = context && EVP_PKEY_verify_init(context.get()) == 1 &&
              EVP_PKEY_CTX_set_signature_md(context.get(), hash) == 1;
  if (padding == Padding::kPss) {
    good = good && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), RSA_PSS_SALTLEN_AUTO) == 1;
  }
  return good && EVP_PKEY_verify(context.get(), bytes_of(signature), signature.size(), bytes_of(digest),
                                 digest.size()) == 1;
}

/// Of Ed25519, which takes the message itself.
bool signs_message(EVP_PKEY& key, std::string_view message, std::string_view signature) {
  const ErrorQueueGuard errors;
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, &key) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                          message.size()) == 1;
}

}  // namespace

Result<PublicKey> PublicKey::parse(std::string_view pem_or_der) {
  if (pem_or_der.size() > kMaxKeyBytes) return fail(ErrorCode::kTooLarge, "public key over 64 KiB");
  const std::string_view pem = trim(pem_or_der);
  std::string der(pem_or_der);
  if (pem.find(kBegin) != std::string_view::npos) {
    auto decoded = decode_pem(pem);
    if (!decoded) return fail(std::move(decoded).error());
    der = std::move(*decoded);
  }
  auto key = decode_spki(der);
  if (!key) return fail(ErrorCode::kInvalidInput, "not a public key (SubjectPublicKeyInfo)");
  const auto kind = kind_of(*key);
  if (!kind) return fail(kind.error());
  std::string id = Digest::of(der).text();
  return PublicKey(std::move(key), *kind, std::move(id), std::move(der));
}

bool PublicKey::is_signature(std::string_view signature) const {
  const auto most = std::size_t(EVP_PKEY_get_size(key_.get()));
  if (kind_ == Kind::kRsa || kind_ == Kind::kEd25519) return signature.size() == most;
  return signature.size() <= most && is_der_ecdsa_signature(signature);
}

bool PublicKey::verify(std::string_view message, std::string_view signature) const {
  if (!is_signature(signature)) return false;
  if (kind_ == Kind::kEd25519) return signs_message(*key_, message, signature);
  const auto own = hashes();
  return std::any_of(own.begin(), own.end(), [&](HashAlgorithm algorithm) {
    return verify_hash(algorithm, hash_of(algorithm, message), signature);
  });
}

std::span<const HashAlgorithm> PublicKey::hashes() const {
  static constexpr HashAlgorithm kSha256Only[] = {HashAlgorithm::kSha256};
  static constexpr HashAlgorithm kOfP384[] = {HashAlgorithm::kSha384, HashAlgorithm::kSha256};
  static constexpr HashAlgorithm kOfP521[] = {HashAlgorithm::kSha512, HashAlgorithm::kSha256};
  switch (kind_) {
    case Kind::kEcdsaP384: return kOfP384;
    case Kind::kEcdsaP521: return kOfP521;
    case Kind::kEcdsaP256:
    case Kind::kRsa: return kSha256Only;
    case Kind::kEd25519: return {};
  }
  return {};
}

bool PublicKey::verify_hash(HashAlgorithm algorithm, std::string_view hash,
                            std::string_view signature) const {
  const auto own = hashes();
  if (std::find(own.begin(), own.end(), algorithm) == own.end()) return false;
  if (hash.size() != hash_bytes(algorithm) || !is_signature(signature)) return false;
  const auto good = [&](Padding padding) {
    return signs_digest(*key_, implementation_of(algorithm), padding, hash, signature);
  };
  return good(Padding::kDefault) || (kind_ == Kind::kRsa && good(Padding::kPss));
}

bool is_der_ecdsa_signature(std::string_view bytes) {
  if (bytes.size() > INT32_MAX) return false;
  const ErrorQueueGuard errors;
  const std::uint8_t* at = bytes_of(bytes);
  const Owned<ECDSA_SIG, ECDSA_SIG_free> signature(d2i_ECDSA_SIG(nullptr, &at, long(bytes.size())));
  return signature && !BN_is_negative(ECDSA_SIG_get0_r(signature.get())) &&
         !BN_is_negative(ECDSA_SIG_get0_s(signature.get())) &&
         encode<i2d_ECDSA_SIG>(signature.get()) == bytes;
}

}  // namespace kintsugi::trust
