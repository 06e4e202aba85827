// SPDX-License-Identifier: Apache-2.0
#include "base/testing/signing_key.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdexcept>
#include <vector>

#include "base/encoding.h"

namespace kintsugi {
namespace {

EVP_PKEY* generate(const std::string& kind) {
  if (kind.starts_with("RSA-")) return EVP_RSA_gen(std::stoul(kind.substr(4)));
  if (kind.ends_with("25519")) return EVP_PKEY_Q_keygen(nullptr, nullptr, kind.c_str());
  return EVP_EC_gen(kind.c_str());
}

}  // namespace

SigningKey::SigningKey(const std::string& kind) : key_(generate(kind), EVP_PKEY_free) {
  if (!key_) throw std::runtime_error("cannot make a key of kind " + kind);
}

std::string SigningKey::der() const {
  std::string out(std::size_t(i2d_PUBKEY(key_.get(), nullptr)), '\0');
  auto* at = reinterpret_cast<unsigned char*>(out.data());
  i2d_PUBKEY(key_.get(), &at);
  return out;
}

std::string SigningKey::pem() const {
  const std::string body = base64_encode(der());
  std::string out = "-----BEGIN PUBLIC KEY-----\n";
  for (std::size_t i = 0; i < body.size(); i += 64) out += body.substr(i, 64) + "\n";
  return out + "-----END PUBLIC KEY-----\n";
}

std::string SigningKey::sign(std::string_view message, const char* hash, Padding rsa_padding) const {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  std::size_t length = 0;
  const bool hashes = !EVP_PKEY_is_a(key_.get(), "ED25519");
  EVP_PKEY_CTX* options = nullptr;
  EVP_DigestSignInit_ex(context.get(), &options, hashes ? hash : nullptr, nullptr, nullptr, key_.get(),
                        nullptr);
  if (rsa_padding == Padding::kPss) EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
  EVP_DigestSign(context.get(), nullptr, &length, bytes, message.size());
  std::string out(length, '\0');
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length, bytes, message.size());
  out.resize(length);
  return out;
}

}  // namespace kintsugi
