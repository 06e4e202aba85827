// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "net/http.h"

namespace kintsugi::net {

struct CurlOptions {
  TlsOptions tls{};
  std::string user_agent{};
  std::string proxy_url{};  ///< empty: none; the environment is never consulted
  /// Connect to this unix socket, wherever the URL points; its host is only what the server is told. At most
  /// kMaxUnixPathBytes. Empty: TCP.
  std::string unix_socket{};
  std::size_t max_connections_per_host = 64;  ///< of each connection_pool
};

/// The real transport: libcurl's multi interface, HTTP/1.1, one I/O thread that moves bytes and parses
/// nothing. Streamed bytes are handed to the calling thread through a bounded buffer; a slow caller pauses
/// its connection. Containment requests are started before others that wait for a connection.
std::unique_ptr<HttpTransport> make_curl_transport(CurlOptions options);

}  // namespace kintsugi::net
