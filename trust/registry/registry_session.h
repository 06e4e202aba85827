// SPDX-License-Identifier: Apache-2.0
//
// One exchange with a registry, made to work: log-in, retries, redirects, the total deadline. What the answer
// means is registry_client.h's concern.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"
#include "trust/oci/image_reference.h"
#include "trust/registry/call.h"
#include "trust/registry/registry_exchange.h"
#include "trust/registry/registry_logins.h"
#include "trust/registry/registry_options.h"

namespace kintsugi::trust {

/// Bytes of a resource (RFC 9110 §14).
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t size = 0;  ///< at least 1

  std::uint64_t last() const { return first + size - 1; }
};

struct RegistryRequest {
  const RegistrySource& source;  ///< whose registry and repository
  std::string method = "GET";
  std::string path = {};    ///< below /v2/<repository>/
  std::string accept = {};  ///< may be empty
  std::size_t max_bytes = 0;
  bool follow_redirects = false;
  std::optional<ByteRange> range = {};  ///< nothing: the whole
};

/// An answer 200; or 206 where a range was asked for.
struct RegistryAnswer {
  net::Headers headers;
  std::string body;
  net::Url url;             ///< that was asked for, before redirects
  bool is_partial = false;  ///< 206
};

/// Thread-safe; keeps tokens and which registries speak plain HTTP.
///
/// https is tried first; where plain HTTP is permitted (RegistryOptions::permits_http) and no https
/// connection comes about, http. Answers 429 and 5xx and lost connections are tried three times in all, but
/// once at a mirror, after what Retry-After says in seconds or else with backoff, as long as that fits before
/// the deadline; if not, the error comes at once and carries retry_after. A 401 is answered once with a fresh
/// token, for pulling from this repository only. At most three redirects are followed, as check_next_hop()
/// permits; credentials stay with the first origin.
class RegistrySession {
 public:
  /// `transport` and `clock` must outlive this object.
  RegistrySession(net::HttpTransport& transport, const Clock& clock, RegistryOptions options);
  RegistrySession(const RegistrySession&) = delete;
  RegistrySession& operator=(const RegistrySession&) = delete;

  /// Anything but such an answer is an Error about the image's name in `request` with a reason of reasons.h;
  /// kNotFound with ManifestUnknown for 404.
  Result<RegistryAnswer> send(const RegistryRequest& request, const Call& call);

  const RegistryOptions& options() const { return options_; }

 private:
  Result<RegistryAnswer> attempt(const RegistryRequest& request, const Call& call);
  Result<net::HttpResponse> reach(const RegistryRequest& request, const Login& login, net::Url& url,
                                  const Call& call);
  Result<net::HttpResponse> follow(const RegistryRequest& request, net::Url from, net::HttpResponse response,
                                   const Call& call);
  Result<net::HttpResponse> exchange(const RegistryRequest& request, const net::Url& url, const Login& login,
                                     const Call& call) const;
  Result<void> pause(const Error& error, int attempt, const Call& call) const;

  std::optional<bool> known_scheme(const std::string& registry);
  void remember_scheme(const std::string& registry, bool https);

  const RegistryOptions options_;
  const RegistryExchange exchange_;
  RegistryLogins logins_;
  std::mutex mutex_;
  std::map<std::string, bool> https_;  ///< by registry: what it answered on
};

}  // namespace kintsugi::trust
