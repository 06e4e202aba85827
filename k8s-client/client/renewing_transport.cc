// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/renewing_transport.h"

#include <utility>

namespace kintsugi::k8s {

RenewingTransport::RenewingTransport(net::CurlOptions options, TransportFactory make,
                                     CredentialSource& credentials)
    : options_(std::move(options)), make_(std::move(make)), credentials_(credentials) {}

Result<std::shared_ptr<net::HttpTransport>> RenewingTransport::current() {
  auto tls = credentials_.tls();
  if (!tls) return fail(std::move(tls).error());
  std::shared_ptr<net::HttpTransport> retired;  // may be the last reference: let go outside the lock
  std::lock_guard lock(mutex_);
  // Another thread may have seen a later generation already.
  if (transport_ == nullptr || tls->generation > generation_) {
    net::CurlOptions options = options_;
    options.tls = std::move(tls->options);
    retired = std::exchange(transport_, make_(std::move(options)));
    generation_ = tls->generation;
  }
  return transport_;
}

Result<net::HttpResponse> RenewingTransport::send(const net::HttpRequest& request, std::stop_token stop) {
  const auto transport = current();
  if (!transport) return fail(transport.error());
  return (*transport)->send(request, std::move(stop));
}

Result<net::HttpResponse> RenewingTransport::stream(const net::HttpRequest& request, std::stop_token stop,
                                                    const net::ResponseSink& on_head,
                                                    const net::BodySink& on_body) {
  const auto transport = current();
  if (!transport) return fail(transport.error());
  return (*transport)->stream(request, std::move(stop), on_head, on_body);
}

}  // namespace kintsugi::k8s
