// SPDX-License-Identifier: Apache-2.0
#include "net/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <limits>

namespace kintsugi::net {
namespace {

int no_password(char*, int, int, void*) {
  return 0;
}

std::string text_of(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, std::size_t(size)};
}

}  // namespace

std::string openssl_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  std::string text = reason == nullptr ? "unknown reason" : reason;
  ERR_clear_error();
  return text;
}

Bio open_text(std::string_view text) {
  const auto size = std::min<std::size_t>(text.size(), std::numeric_limits<int>::max());
  return Bio(BIO_new_mem_buf(text.data(), int(size)), &BIO_free_all);
}

Certificate next_certificate(const Bio& bio) {
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, &no_password, nullptr), &X509_free);
}

Key read_key(const Bio& bio) {
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_password, nullptr), &EVP_PKEY_free);
}

std::string pem_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()), &BIO_free_all);
  return PEM_write_bio_X509(bio.get(), certificate) == 1 ? text_of(bio) : std::string();
}

std::string pem_of(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_secmem()), &BIO_free_all);
  const bool is_written =
      PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
  return is_written ? text_of(bio) : std::string();
}

}  // namespace kintsugi::net
