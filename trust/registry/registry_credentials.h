// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "trust/oci/image_reference.h"
#include "trust/registry/credential_scope.h"

namespace kintsugi::trust {

/// What proves to a registry, or to its token server, who asks.
struct RegistryCredential {
  enum class Kind : std::uint8_t {
    kPassword,
    kIdentityToken,  ///< exchanged at the token server for a token (OAuth 2.0 refresh token)
    kRegistryToken,  ///< sent to the registry as it is
  };
  Kind kind = Kind::kPassword;
  std::string username;  ///< of a password
  Secret secret;
};

/// Credentials for registries, from a docker config or a Secret of type kubernetes.io/dockerconfigjson.
/// Immutable after parsing.
class RegistryCredentials {
 public:
  RegistryCredentials() = default;

  /// Reads
  ///
  ///   {"auths": {"<registry[/path]>": {"auth": …} or {"username": …, "password": …}
  ///                                   or {"identitytoken": …} or {"registrytoken": …}},
  ///    "credHelpers": {"<registry>": "<name>"}, "credsStore": "<name>"}
  ///
  /// Other members are passed over. Where an entry has several, the registry token counts, then the identity
  /// token, then `auth`. An empty entry stands for what a helper keeps. Errors, which never repeat a
  /// credential: kInvalidInput.
  static Result<RegistryCredentials> parse(const Secret& docker_config_json);

  /// The most specific entry for `image` (CredentialScope), or nullptr. Valid while this object lives.
  const RegistryCredential* find(const ImageReference& image) const;

  /// The name of the program that keeps the credential for the image's registry, by `credHelpers` or else
  /// `credsStore`; empty where none does.
  const std::string& helper_for(const ImageReference& image) const;

 private:
  struct Entry {
    CredentialScope scope;
    RegistryCredential credential;
  };
  std::vector<Entry> entries_;                              ///< the most specific first
  std::vector<std::pair<std::string, std::string>> hosts_;  ///< registry, helper
  std::string store_;                                       ///< the helper of all others
};

}  // namespace kintsugi::trust
