// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "k8s-client/auth/cluster_config.h"
#include "net/http.h"

namespace kintsugi::k8s {

/// What one request is sent with.
struct RequestCredentials {
  Secret bearer_token;   ///< empty: none
  net::Headers headers;  ///< impersonation
};

/// What connections are made with. A new generation means that the old connections must not be used for new
/// requests.
struct TlsSnapshot {
  net::TlsOptions options;
  std::uint64_t generation = 0;
};

/// Credentials that may change while we run. Thread-safe; calls read local files at most. Errors are
/// kUnauthorized and worth a retry: a file that is missing at the moment says nothing of the API's objects.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  virtual Result<RequestCredentials> credentials() = 0;
  /// The server answered 401 to a request started at `request_start`; older tokens are dropped (K12.2).
  virtual void unauthorized(MonotonicTime request_start) = 0;
  virtual Result<TlsSnapshot> tls() = 0;
};

/// Credentials of a cluster's configuration: files are looked at again after 50 s (token) and 5 min (CA,
/// K12.3; client certificate and key, K12.4). New content counts once it can be parsed and key and
/// certificate fit together; until then, and where a file cannot be read, the old one stays; but a token that
/// the server refused does not. Fails where there is nothing usable to start with, or the configuration
/// contradicts itself. `clock` must outlive the source.
Result<std::unique_ptr<CredentialSource>> make_credentials(ClusterConfig config, const Clock& clock);

}  // namespace kintsugi::k8s
