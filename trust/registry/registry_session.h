// SPDX-License-Identifier: Apache-2.0
//
// One exchange with a registry, made to work: log-in, retries, redirects, the total deadline. What the answer
// means is registry_client.h's concern.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"
#include "trust/oci/image_reference.h"
#include "trust/registry/registry_auth.h"
#include "trust/registry/registry_credentials.h"

namespace kintsugi::trust {

/// How long a caller is willing to wait, for everything that the call leads to.
struct Call {
  MonotonicTime deadline;
  std::stop_token stop;
};

struct RegistryOptions {
  bool allow_http = false;  ///< plain HTTP also to registries that are not on a loopback address
  std::chrono::milliseconds request_timeout{10'000};  ///< for each single request
  /// What holds now, asked for at each log-in; never nullptr. Empty: anonymous. Must be thread-safe.
  std::function<std::shared_ptr<const RegistryCredentials>()> credentials;
};

struct RegistryRequest {
  const ImageReference& image;  ///< whose registry and repository
  std::string method = "GET";
  std::string path = {};    ///< below /v2/<repository>/
  std::string accept = {};  ///< may be empty
  std::size_t max_bytes = 0;
  bool follow_redirects = false;
};

/// Thread-safe; keeps tokens and which registries speak plain HTTP.
///
/// https is tried first; where plain HTTP is permitted (loopback, or `allow_http`) and no https connection
/// comes about, http. Answers 429 and 5xx and lost connections are tried three times in all, after what
/// Retry-After says in seconds or else with backoff, as long as that fits before the deadline; if not, the
/// error comes at once and carries retry_after. A 401 is answered once with a fresh token, for pulling from
/// this repository only. At most three redirects are followed, as check_next_hop() permits; credentials stay
/// with the first origin.
class RegistrySession {
 public:
  /// `transport` and `clock` must outlive this object.
  RegistrySession(net::HttpTransport& transport, const Clock& clock, RegistryOptions options);

  /// An answer 200. Anything else is an Error with a reason of reasons.h; kNotFound with ManifestUnknown for
  /// 404.
  Result<net::HttpResponse> send(const RegistryRequest& request, const Call& call);

 private:
  /// What goes into the Authorization header.
  struct Login {
    bool bearer = false;
    Secret text;
    MonotonicTime expiry = MonotonicTime::max();
  };

  Result<net::HttpResponse> attempt(const RegistryRequest& request, const Call& call);
  Result<net::HttpResponse> reach(const RegistryRequest& request, net::Url& url, const Call& call);
  Result<net::HttpResponse> follow(const RegistryRequest& request, net::Url from, net::HttpResponse response,
                                   const Call& call);
  /// "user:password" for this image in base64; nothing where there are no credentials.
  std::optional<Secret> basic_login(const ImageReference& image) const;
  Result<Login> log_in(const RegistryRequest& request, const net::Url& registry, const net::Headers& headers,
                       const Call& call);
  Result<Login> fetch_token(const RegistryRequest& request, const net::Url& registry,
                            const Challenge& challenge, const Call& call);
  Result<net::HttpResponse> exchange(const RegistryRequest& request, const net::Url& url, const Login& login,
                                     const Call& call);
  Result<net::HttpResponse> exchange(net::HttpRequest request, const Call& call);
  Result<void> pause(const Error& error, int attempt, const Call& call);

  std::optional<bool> known_scheme(const std::string& registry);
  void remember_scheme(const std::string& registry, bool https);
  Login known_login(const ImageReference& image);
  void remember_login(const ImageReference& image, const Login& login);

  net::HttpTransport& transport_;
  const Clock& clock_;
  const RegistryOptions options_;
  std::mutex mutex_;
  std::map<std::string, bool> https_;    ///< by registry: what it answered on
  std::map<std::string, Login> logins_;  ///< by image name
};

}  // namespace kintsugi::trust
