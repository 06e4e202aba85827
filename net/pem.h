// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL's objects as texts. Private: only .cc files include it.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

namespace kintsugi::net {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

/// OpenSSL's first queued reason; empties the queue.
std::string openssl_reason();

/// `text` must live as long as the result.
Bio open_text(std::string_view text);
/// The next certificate, null at the end and where there is none. Nobody is asked for a password.
Certificate next_certificate(const Bio& bio);
/// The private key, null where there is none. Nobody is asked for a password.
Key read_key(const Bio& bio);

/// In PEM; empty where OpenSSL cannot.
std::string pem_of(X509* certificate);
std::string pem_of(EVP_PKEY* key);

}  // namespace kintsugi::net
