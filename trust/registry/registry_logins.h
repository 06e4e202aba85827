// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "net/http.h"
#include "net/url.h"
#include "trust/registry/registry_auth.h"
#include "trust/registry/registry_exchange.h"
#include "trust/registry/registry_options.h"

namespace kintsugi::trust {

/// What goes into the Authorization header; empty: none.
struct Login {
  bool bearer = false;  ///< else Basic
  Secret text;
  MonotonicTime expiry = MonotonicTime::max();

  void add_to(net::HttpRequest& request) const;
};

/// When a token is to be renewed so that it does not expire under way: a tenth of its life early and at least
/// five seconds, but never before half of it has passed.
MonotonicTime renewal_time(MonotonicTime asked, std::chrono::seconds lifetime);

/// Log-ins for pulling, one for each repository, kept until shortly before they expire. Those who need the
/// same one at the same time get it together, by one request. Thread-safe.
class RegistryLogins {
 public:
  /// What a registry answered 401 to.
  struct Refusal {
    const ImageReference& image;
    const net::Url& registry;
    const net::Headers& headers;  ///< with the challenge
    const Login& login;           ///< that was refused; may be empty
  };

  /// Both must outlive this object.
  RegistryLogins(const RegistryExchange& exchange, const RegistryOptions& options)
      : exchange_(exchange), options_(options) {}

  /// Empty where there is none that holds.
  Login known(const ImageReference& image);
  /// Another one than was refused.
  Result<Login> renew(const Refusal& refusal, const Call& call);

 private:
  /// A log-in under way.
  struct Flight {
    std::optional<Result<Login>> result;
  };

  const Login* find(const std::string& name) const;
  Result<Login> log_in(const Refusal& refusal, const Challenge& challenge, const Call& call) const;
  Result<std::optional<RegistryCredential>> credential_for(const ImageReference& image,
                                                           const Call& call) const;
  Result<Login> fetch_token(const Refusal& refusal, const Challenge& challenge,
                            const std::optional<RegistryCredential>& credential, const Call& call) const;

  const RegistryExchange& exchange_;
  const RegistryOptions& options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Login> logins_;                     ///< by image name
  std::map<std::string, std::shared_ptr<Flight>> flights_;  ///< by image name
};

}  // namespace kintsugi::trust
