// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/http.h"

namespace kintsugi::cli {

/// Lends the one transport of a test to whoever makes one.
class LentTransport final : public net::HttpTransport {
 public:
  explicit LentTransport(net::HttpTransport& to);
  Result<net::HttpResponse> send(const net::HttpRequest& request, std::stop_token stop) override;
  Result<net::HttpResponse> stream(const net::HttpRequest& request, std::stop_token stop,
                                   const net::ResponseSink& on_head, const net::BodySink& on_body) override;

 private:
  net::HttpTransport& to_;
};

}  // namespace kintsugi::cli
