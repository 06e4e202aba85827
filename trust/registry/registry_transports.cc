// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_transports.h"

#include <string_view>
#include <utility>

#include "base/escape.h"
#include "base/file.h"
#include "trust/registry/registry_auth.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxCaBytes = 1u << 20;

tl::unexpected<Error> bad_host(const RegistryHost& host, const char* what) {
  return fail(make_error(ErrorCode::kInvalidInput, what).on("registry host " + escape(host.host, 128)));
}

/// "registry.corp:443" and ":80", or the one with the port that is given.
Result<std::vector<std::string>> authorities_of(const RegistryHost& host) {
  std::vector<std::string> authorities;
  for (const char* scheme : {"https://", "http://"}) {
    const auto url = parse_server_url(scheme + host.host);
    if (!url || url->target != "/" || host.host.find_first_of("/?") != std::string::npos)
      return bad_host(host, "no host with or without a port");
    if (authorities.empty() || authorities.front() != url->authority())
      authorities.push_back(url->authority());
  }
  return authorities;
}

Result<net::CurlOptions> options_of(const net::CurlOptions& defaults, const RegistryHost& host) {
  net::CurlOptions options = defaults;
  if (!host.ca_file.empty() && !host.ca_pem.empty())
    return bad_host(host, "ca_file and ca_pem exclude each other");
  if (host.certificate_pem.empty() != host.key_pem.empty())
    return bad_host(host, "a client certificate needs its key, and a key its certificate");
  if (!host.ca_pem.empty()) options.tls.ca_pem = host.ca_pem;
  if (!host.ca_file.empty()) {
    auto pem = read_file(host.ca_file, kMaxCaBytes);
    if (!pem) return fail(std::move(pem).error());
    if (pem->empty()) return bad_host(host, "ca_file is empty");
    options.tls.ca_pem = std::move(*pem);
  }
  if (!host.certificate_pem.empty()) {
    options.tls.certificate_pem = host.certificate_pem;
    options.tls.key_pem = host.key_pem;
  }
  if (!host.proxy_url.empty()) {
    if (!parse_server_url(host.proxy_url))
      return bad_host(host, "proxy_url is no http or https URL, or has user information");
    options.proxy_url = host.proxy_url;
  }
  return options;
}

/// Equal for options that can share a transport, with its connections.
Secret key_of(const net::CurlOptions& options) {
  std::string key;
  for (const std::string_view part :
       {std::string_view(options.tls.ca_pem), std::string_view(options.tls.certificate_pem),
        options.tls.key_pem.reveal(), std::string_view(options.proxy_url)}) {
    key += std::to_string(part.size()) + ":";
    key += part;
  }
  return Secret(std::move(key));
}

}  // namespace

Result<std::unique_ptr<RegistryTransports>> RegistryTransports::make(const net::CurlOptions& defaults,
                                                                     const std::vector<RegistryHost>& hosts,
                                                                     const Maker& maker) {
  std::unique_ptr<RegistryTransports> made(new RegistryTransports());
  std::vector<Secret> keys = {key_of(defaults)};
  made->transports_.push_back(maker(defaults));
  for (const RegistryHost& host : hosts) {
    const auto authorities = authorities_of(host);
    if (!authorities) return fail(authorities.error());
    auto options = options_of(defaults, host);
    if (!options) return fail(std::move(options).error());
    Secret key = key_of(*options);
    std::size_t place = 0;
    while (place < keys.size() && !keys[place].equals(key.reveal())) ++place;
    if (place == keys.size()) {
      keys.push_back(std::move(key));
      made->transports_.push_back(maker(std::move(*options)));
    }
    for (const std::string& authority : *authorities) {
      if (!made->by_authority_.emplace(authority, made->transports_[place].get()).second)
        return bad_host(host, "is there twice");
    }
  }
  return made;
}

net::HttpTransport& RegistryTransports::transport_for(const std::string& url) const {
  const auto parsed = parse_server_url(url);
  const auto found = parsed ? by_authority_.find(parsed->authority()) : by_authority_.end();
  return found == by_authority_.end() ? *transports_.front() : *found->second;
}

Result<net::HttpResponse> RegistryTransports::send(const net::HttpRequest& request, std::stop_token stop) {
  return transport_for(request.url).send(request, std::move(stop));
}

Result<net::HttpResponse> RegistryTransports::stream(const net::HttpRequest& request, std::stop_token stop,
                                                     const net::ResponseSink& on_head,
                                                     const net::BodySink& on_body) {
  return transport_for(request.url).stream(request, std::move(stop), on_head, on_body);
}

}  // namespace kintsugi::trust
