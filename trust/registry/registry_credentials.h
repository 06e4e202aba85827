// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "trust/oci/image_reference.h"

namespace kintsugi::trust {

struct BasicCredentials {
  std::string username;
  Secret password;
};

/// Credentials for registries, from a Secret of type kubernetes.io/dockerconfigjson. Immutable after parsing.
class RegistryCredentials {
 public:
  RegistryCredentials() = default;

  /// Reads `{"auths": {"<registry[/path]>": {"auth": …} or {"username": …, "password": …}}}`; other members
  /// are passed over. Errors, which never repeat a credential: kInvalidInput, and kUnsupported for an entry
  /// that has only an identity token.
  static Result<RegistryCredentials> parse(const Secret& docker_config_json);

  /// The entry with the longest path that `image` is in, or nullptr. Valid while this object lives.
  const BasicCredentials* find(const ImageReference& image) const;

 private:
  struct Entry {
    std::string scope;  ///< "docker.io", "registry.example.com/shop"
    BasicCredentials credentials;
  };
  std::vector<Entry> entries_;
};

}  // namespace kintsugi::trust
