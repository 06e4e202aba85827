// SPDX-License-Identifier: Apache-2.0
#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <limits>
#include <string>

#include "base/escape.h"
#include "net/pem.h"

namespace kintsugi::net {
namespace {

tl::unexpected<Error> unusable(const std::string& what, const std::string& advice) {
  return fail(make_error(ErrorCode::kInvalidInput, what + ": " + openssl_reason()).advise(advice));
}

bool load_chain(SSL_CTX* context, std::string_view pem) {
  const Bio bio = open_text(pem);
  const Certificate leaf = next_certificate(bio);
  if (leaf == nullptr || SSL_CTX_use_certificate(context, leaf.get()) != 1) return false;
  while (const Certificate link = next_certificate(bio)) {
    if (SSL_CTX_add1_chain_cert(context, link.get()) != 1) return false;
  }
  ERR_clear_error();  // the end of the text is reported as an error
  return true;
}

bool load_key(SSL_CTX* context, std::string_view pem) {
  const Bio bio = open_text(pem);
  const Key key = read_key(bio);
  return key != nullptr && SSL_CTX_use_PrivateKey(context, key.get()) == 1 &&
         SSL_CTX_check_private_key(context) == 1;
}

bool load_roots(SSL_CTX* context, std::string_view pem) {
  const Bio bio = open_text(pem);
  int count = 0;
  while (const Certificate root = next_certificate(bio)) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get()) != 1) return false;
    ++count;
  }
  if (count > 0) ERR_clear_error();
  return count > 0;
}

Result<void> load_identity(SSL_CTX* context, std::string_view chain, const Secret& key) {
  if (!load_chain(context, chain)) {
    return unusable("the certificate cannot be used",
                    "give a PEM certificate, followed by its intermediates");
  }
  if (!load_key(context, key.reveal())) {
    return unusable("the private key cannot be used",
                    "give the PEM key, without a password, of the certificate");
  }
  return {};
}

TlsContext new_context(const SSL_METHOD* method) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(method), &SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

}  // namespace

Result<TlsContext> make_server_tls(const ServerTls& tls) {
  TlsContext context = new_context(TLS_server_method());
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (Result<void> loaded = load_identity(context.get(), tls.certificate_pem, tls.key_pem); !loaded) {
    return fail(loaded.error());
  }
  return context;
}

Result<TlsContext> make_client_tls(const TlsOptions& tls) {
  TlsContext context = new_context(TLS_client_method());
  SSL_CTX_set_verify(context.get(), tls.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  if (tls.ca_pem.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (!load_roots(context.get(), tls.ca_pem)) {
    return unusable("the CA bundle cannot be read", "give one or more PEM certificates");
  }
  if (!tls.certificate_pem.empty()) {
    if (Result<void> loaded = load_identity(context.get(), tls.certificate_pem, tls.key_pem); !loaded) {
      return fail(loaded.error());
    }
  }
  return context;
}

}  // namespace kintsugi::net
