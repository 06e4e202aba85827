// SPDX-License-Identifier: Apache-2.0
//
// What the tests of this folder share.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "base/log.h"
#include "net/curl_transport.h"
#include "net/http_server.h"

namespace kintsugi::net {

/// A server on a free port with a log that keeps what was written.
class TestServer {
 public:
  explicit TestServer(ServerOptions options) {
    Result<std::unique_ptr<HttpServer>> started = start_http_server(std::move(options), log_);
    if (!started) FAIL(started.error().to_string());
    server_ = std::move(*started);
  }

  HttpServer* operator->() { return server_.get(); }
  std::uint16_t port() const { return server_->port(); }
  std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port()) + path;
  }
  std::string tls_url(const std::string& path = "/") const {
    return "https://127.0.0.1:" + std::to_string(port()) + path;
  }
  const std::string& log_text() const { return log_text_; }
  void destroy() { server_.reset(); }

 private:
  std::string log_text_;
  SystemClock clock_;
  Logger log_{clock_, LogLevel::kDebug, [this](std::string_view line) { log_text_ += line; }};
  std::unique_ptr<HttpServer> server_;
};

inline HttpResponse text_response(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

/// Answers with method, target and body of the request.
inline Handler echo_handler() {
  return [](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    responder->respond(text_response(200, request.method + " " + request.target + " " + request.body));
  };
}

inline HttpRequest get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

inline HttpRequest post(std::string url, std::string body) {
  HttpRequest request = get(std::move(url));
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

}  // namespace kintsugi::net
