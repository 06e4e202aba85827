// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/result.h"
#include "net/http.h"
#include "net/http_server.h"

struct ssl_ctx_st;

namespace kintsugi::net {

/// An OpenSSL context; shared, immutable once made.
using TlsContext = std::shared_ptr<ssl_ctx_st>;

/// TLS 1.2 and later, forward secrecy only. kInvalidInput where the PEM texts are not a chain and its key.
Result<TlsContext> make_server_tls(const ServerTls& tls);
/// The name to check is given per connection.
Result<TlsContext> make_client_tls(const TlsOptions& tls);

}  // namespace kintsugi::net
