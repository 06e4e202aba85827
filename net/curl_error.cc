// SPDX-License-Identifier: Apache-2.0
#include "net/curl_error.h"

#include <curl/curl.h>

#include <string>
#include <system_error>

#include "base/escape.h"
#include "base/time.h"

namespace kintsugi::net {
namespace {

Error too_large_error(const CurlExchange& exchange) {
  return make_error(ErrorCode::kTooLarge, "the response is larger than " +
                                              std::to_string(exchange.request().max_response_bytes) +
                                              " bytes, or its headers than 256 KiB")
      .advise("ask for less at a time");
}

Error certificate_error(ErrorCode code, const std::string& what, const std::string& advice) {
  Error error = make_error(code, what).advise(advice);
  error.retryable = false;
  return error;
}

/// libcurl's own words, cleaned, or the operating system's where they say more.
std::string words(int curl_code, const char* detail, int os_error) {
  if (os_error != 0) return std::generic_category().message(os_error);
  if (detail != nullptr && *detail != '\0') return escape(detail, 300);
  return curl_easy_strerror(static_cast<CURLcode>(curl_code));
}

}  // namespace

Error curl_error(int curl_code, const char* detail, int os_error, const CurlExchange& exchange) {
  if (exchange.too_large()) return too_large_error(exchange);
  if (exchange.refused_repeat()) {
    return make_error(ErrorCode::kUnavailable, "a kept-alive connection closed before an answer came")
        .advise("see whether the request took effect, then repeat it");
  }
  switch (curl_code) {
    case CURLE_UNSUPPORTED_PROTOCOL:  // the URL was checked: this is what came back
      return make_error(ErrorCode::kUnavailable, "the answer is not HTTP/1")
          .advise("check the port and the scheme");
    case CURLE_FILESIZE_EXCEEDED: return too_large_error(exchange);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return make_error(ErrorCode::kUnavailable, "the name cannot be resolved")
          .advise("check the name and the DNS servers of this machine");
    case CURLE_COULDNT_CONNECT:
      return make_error(ErrorCode::kUnavailable, "cannot connect: " + words(curl_code, detail, os_error))
          .advise("check that the server runs and that nothing on the way drops the connection");
    case CURLE_PEER_FAILED_VERIFICATION:
      return certificate_error(ErrorCode::kUnavailable,
                               "the server's certificate is not accepted: " + words(curl_code, detail, 0),
                               "check the CA bundle, the expected server name and this machine's clock");
    case CURLE_SSL_CACERT_BADFILE:
      return certificate_error(ErrorCode::kInvalidInput,
                               "the CA bundle cannot be read: " + words(curl_code, detail, 0),
                               "give one or more PEM certificates");
    case CURLE_SSL_CERTPROBLEM:
      return certificate_error(
          ErrorCode::kInvalidInput,
          "the client certificate or its key cannot be used: " + words(curl_code, detail, 0),
          "give a PEM certificate chain and the PEM key that belongs to it");
    case CURLE_SSL_CONNECT_ERROR:
      return make_error(ErrorCode::kUnavailable, "no TLS connection: " + words(curl_code, detail, 0))
          .advise("check that the port speaks TLS 1.2 or later");
    case CURLE_OPERATION_TIMEDOUT: return timeout_error(exchange);
    default: break;
  }
  const char* what = exchange.connected() ? "no complete answer: " : "no connection: ";
  return make_error(ErrorCode::kUnavailable, what + words(curl_code, detail, 0))
      .advise("check the server's log and what stands between (proxy, load balancer)");
}

Error timeout_error(const CurlExchange& exchange) {
  if (exchange.streaming_body()) {
    return make_error(ErrorCode::kTimeout, "no byte for " + format_duration(exchange.request().idle_timeout))
        .advise("open the stream again");
  }
  const std::string limit = format_duration(exchange.request().timeout);
  if (!exchange.connected()) {
    return make_error(ErrorCode::kTimeout, "no connection within " + limit)
        .advise("check that the server is reachable and that not all connections to it are in use");
  }
  return make_error(ErrorCode::kTimeout, "no complete answer within " + limit)
      .advise("check the load of the server, or allow more time");
}

Error cancelled_error(const CurlExchange& exchange) {
  return make_error(ErrorCode::kCancelled, exchange.connected() ? "stopped before a complete answer came"
                                                                : "stopped before the request was sent");
}

}  // namespace kintsugi::net
