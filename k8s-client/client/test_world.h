// SPDX-License-Identifier: Apache-2.0
//
// What the client's tests run in: a server that is a function, credentials that can be rotated, time that
// leaps.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "k8s-client/auth/credentials.h"
#include "k8s-client/client/client.h"
#include "net/http.h"

namespace kintsugi::k8s {

/// A clock on which waiting takes no time: it leaps to the deadline.
class LeapingClock final : public Clock {
 public:
  WallTime now() const override { return inner_.now(); }
  MonotonicTime monotonic() const override { return inner_.monotonic(); }
  void wait_until(std::unique_lock<std::mutex>&, std::condition_variable&,
                  MonotonicTime deadline) const override {
    if (deadline > monotonic()) advance(deadline - monotonic());
  }
  void advance(std::chrono::nanoseconds by) const { inner_.advance(by); }

 private:
  mutable ManualClock inner_;
};

/// Answers with a function. A stream's body comes in pieces of three bytes.
class FunctionTransport final : public net::HttpTransport {
 public:
  using Server = std::function<Result<net::HttpResponse>(const net::HttpRequest&)>;

  void serve(Server server) { server_ = std::move(server); }
  /// Every stream ends with this after its body.
  void break_streams(Error end) { end_of_streams_ = std::move(end); }
  int requests() const { return requests_; }

  Result<net::HttpResponse> send(const net::HttpRequest& request, std::stop_token) override {
    ++requests_;
    return server_(request);
  }
  Result<net::HttpResponse> stream(const net::HttpRequest& request, std::stop_token,
                                   const net::ResponseSink& on_head, const net::BodySink& on_body) override {
    ++requests_;
    auto response = server_(request);
    if (!response) return response;
    const std::string body = std::exchange(response->body, "");
    if (!on_head(*response)) return response;
    for (std::size_t at = 0; at < body.size(); at += 3) {
      if (!on_body(std::string_view(body).substr(at, 3))) return response;
    }
    if (end_of_streams_) return fail(*end_of_streams_);
    return response;
  }

 private:
  Server server_;
  std::optional<Error> end_of_streams_;
  int requests_ = 0;
};

/// A token that its file replaced: a 401 brings the next one.
class RotatingCredentials final : public CredentialSource {
 public:
  std::string token = "old";
  std::string next_token = "old";
  net::Headers headers;

  Result<RequestCredentials> credentials() override { return RequestCredentials{Secret(token), headers}; }
  void unauthorized(MonotonicTime) override { token = next_token; }
  Result<TlsSnapshot> tls() override { return TlsSnapshot{{}, 1}; }
};

struct TestWorld {
  LeapingClock clock;
  FunctionTransport transport;
  RotatingCredentials credentials;
  RateLimiter limiter{RateLimiter::Options{}, clock};

  Client client(Client::WebSocketRunner run_websocket = nullptr) {
    return Client({"https://h:6443", "test/1", "default", std::move(run_websocket)}, transport, credentials,
                  limiter, clock);
  }
};

inline net::HttpResponse answer(int status, std::string body) {
  return {status, {}, std::move(body)};
}

inline net::HttpResponse answer_later(int status, const char* retry_after, std::string body = "") {
  net::HttpResponse response = answer(status, std::move(body));
  response.headers.add("Retry-After", retry_after);
  return response;
}

/// A Status as the API server writes it.
inline std::string failure(int code, const std::string& reason, const std::string& details = "{}") {
  return R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":"it failed","reason":")" +
         reason + R"(","details":)" + details + R"(,"code":)" + std::to_string(code) + "}";
}

}  // namespace kintsugi::k8s
