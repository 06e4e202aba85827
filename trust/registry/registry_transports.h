// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/curl_transport.h"
#include "net/http.h"

namespace kintsugi::trust {

/// How one host is connected to, be it a registry, its token server or where its blobs are.
struct RegistryHost {
  std::string host;             ///< "registry.corp" (ports 443 and 80), "registry.corp:5000", "[::1]:5000"
  std::string ca_file;          ///< PEM; the only roots that are trusted for it. Or `ca_pem`
  std::string ca_pem;           ///< as `ca_file`; both empty: the defaults'
  std::string certificate_pem;  ///< client certificate chain; empty: the defaults'
  Secret key_pem;
  std::string proxy_url;  ///< empty: the defaults'
};

/// A transport that chooses another for each host: one is made for each distinct set of options, and one with
/// the defaults for all other hosts. No environment variables are consulted. Thread-safe.
class RegistryTransports final : public net::HttpTransport {
 public:
  using Maker = std::function<std::unique_ptr<net::HttpTransport>(net::CurlOptions)>;

  /// Reads the files once. Errors: kInvalidInput (no host, a host twice, two CAs, half a client certificate,
  /// a proxy that is no http or https URL), and those of read_file().
  static Result<std::unique_ptr<RegistryTransports>> make(const net::CurlOptions& defaults,
                                                          const std::vector<RegistryHost>& hosts,
                                                          const Maker& maker = net::make_curl_transport);

  Result<net::HttpResponse> send(const net::HttpRequest& request, std::stop_token stop) override;
  Result<net::HttpResponse> stream(const net::HttpRequest& request, std::stop_token stop,
                                   const net::ResponseSink& on_head, const net::BodySink& on_body) override;

 private:
  RegistryTransports() = default;
  net::HttpTransport& transport_for(const std::string& url) const;

  std::vector<std::unique_ptr<net::HttpTransport>> transports_;  ///< the first one is the default
  std::map<std::string, net::HttpTransport*> by_authority_;      ///< "registry.corp:443"
};

}  // namespace kintsugi::trust
