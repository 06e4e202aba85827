// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "k8s-client/auth/credentials.h"
#include "net/curl_transport.h"
#include "net/http.h"

namespace kintsugi::k8s {

/// As net::make_curl_transport.
using TransportFactory = std::function<std::unique_ptr<net::HttpTransport>(net::CurlOptions options)>;

/// A transport that is made anew when the CA or the client certificate has changed (K12.3, K12.4). Requests
/// that are under way end on the old one, which goes with the last of them: a watch at the latest after its
/// timeout (K12.5).
class RenewingTransport final : public net::HttpTransport {
 public:
  /// `options.tls` is overwritten. `credentials` must outlive this object.
  RenewingTransport(net::CurlOptions options, TransportFactory make, CredentialSource& credentials);

  Result<net::HttpResponse> send(const net::HttpRequest& request, std::stop_token stop) override;
  Result<net::HttpResponse> stream(const net::HttpRequest& request, std::stop_token stop,
                                   const net::ResponseSink& on_head, const net::BodySink& on_body) override;

 private:
  Result<std::shared_ptr<net::HttpTransport>> current();

  const net::CurlOptions options_;
  const TransportFactory make_;
  CredentialSource& credentials_;
  std::mutex mutex_;  ///< guards what follows
  std::shared_ptr<net::HttpTransport> transport_;
  std::uint64_t generation_ = 0;
};

}  // namespace kintsugi::k8s
