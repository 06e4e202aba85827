// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/url.h"
#include "trust/oci/image_reference.h"
#include "trust/registry/credential_helpers.h"
#include "trust/registry/registry_credentials.h"

namespace kintsugi::trust {

/// Another place for the images whose names begin with `prefix`, at a "/". Who names a mirror decides to
/// believe it about tags: a tag is resolved by the first that knows it, be it older than the origin's.
/// Content that is asked for by digest can be trusted from anywhere.
struct RegistryMirror {
  std::string prefix;  ///< "docker.io/library"
  std::string mirror;  ///< "mirror.corp/dockerhub/library"
};

struct RegistryOptions {
  bool allow_http = false;  ///< plain HTTP also to registries that are not on a loopback address
  /// Plain HTTP to these also without `allow_http`: "registry.corp" (port 80), "registry.corp:5000".
  std::set<std::string> http_hosts = {};
  std::chrono::milliseconds request_timeout{10'000};  ///< for each single request
  /// What holds now, asked for at each log-in; never nullptr. Empty: anonymous. Must be thread-safe.
  std::function<std::shared_ptr<const RegistryCredentials>()> credentials = {};
  /// Runs the programs that `credentials` name. nullptr, the default: they are passed over. A daemon leaves
  /// it so: whoever can write its file of credentials must not choose what it executes.
  std::shared_ptr<CredentialHelpers> helpers = nullptr;
  /// Asked in this order before the origin, see RegistryClient.
  std::vector<RegistryMirror> mirrors = {};

  /// May this server be spoken to in plain HTTP?
  bool permits_http(const net::Url& url) const;
};

/// kInvalidInput where prefix or mirror names no registry.
Result<void> check_mirrors(const std::vector<RegistryMirror>& mirrors);

/// A place to read an image from.
struct RegistrySource {
  ImageReference image;    ///< its name there
  bool is_mirror = false;  ///< others come after it: it is asked once only
};

/// Where `image` may be: at its mirrors in their order, then where its name says.
std::vector<RegistrySource> sources_of(const ImageReference& image,
                                       const std::vector<RegistryMirror>& mirrors);

}  // namespace kintsugi::trust
