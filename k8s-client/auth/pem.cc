// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/auth/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <climits>
#include <memory>

namespace kintsugi::k8s {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

Bio open_bio(std::string_view text) {
  return Bio(text.size() > INT_MAX ? nullptr : BIO_new_mem_buf(text.data(), int(text.size())));
}

/// Never asks for a pass phrase on the terminal, as OpenSSL would by default.
int no_pass_phrase(char*, int, int, void*) {
  return -1;
}

Certificate next_certificate(BIO* bio) {
  return Certificate(PEM_read_bio_X509(bio, nullptr, no_pass_phrase, nullptr));
}

}  // namespace

Result<void> check_certificates(std::string_view pem) {
  const Bio bio = open_bio(pem);
  std::size_t count = 0;
  while (bio && next_certificate(bio.get())) ++count;
  const unsigned long trouble = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(trouble) == ERR_LIB_PEM && ERR_GET_REASON(trouble) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (count > 0 && at_end) return {};
  return fail(ErrorCode::kInvalidInput, "no readable PEM certificates");
}

Result<void> check_key_pair(std::string_view certificate_pem, std::string_view key_pem) {
  const Bio certificate_bio = open_bio(certificate_pem);
  const Bio key_bio = open_bio(key_pem);
  const Certificate certificate = certificate_bio ? next_certificate(certificate_bio.get()) : nullptr;
  const Key key(key_bio ? PEM_read_bio_PrivateKey(key_bio.get(), nullptr, no_pass_phrase, nullptr) : nullptr);
  const bool fits = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!certificate) return fail(ErrorCode::kInvalidInput, "no readable PEM certificate");
  if (!key) return fail(ErrorCode::kInvalidInput, "no readable, unencrypted PEM private key");
  if (!fits) return fail(ErrorCode::kInvalidInput, "the private key does not belong to the certificate");
  return {};
}

}  // namespace kintsugi::k8s
