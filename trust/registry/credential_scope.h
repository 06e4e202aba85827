// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "trust/oci/image_reference.h"

namespace kintsugi::trust {

/// True when `name` is `prefix` or lies below it, at a "/".
bool is_name_below(std::string_view prefix, std::string_view name);

/// A key of a docker config, and which images it is for. A scheme, an ending "/v1/" or "/v2/" and the aliases
/// of Docker Hub are normalised away. As in the kubelet, "*" stands for any characters within one label of
/// the host ("*.azurecr.io", "registry-*.example.com:5000"); the number of labels and the port must be the
/// same, and the path a prefix of the repository, where "*" stands for itself.
class CredentialScope {
 public:
  explicit CredentialScope(std::string_view key);

  bool matches(const ImageReference& image) const;
  /// "registry.example.com:5000"
  const std::string& host() const { return host_; }

  /// Which of two that match an image is the one to use: a host without "*" before one with it, then the
  /// longer path, then the host with more characters that are no "*". Equal ones are used in the order in
  /// which they were written.
  bool is_more_specific_than(const CredentialScope& other) const;

 private:
  std::string host_;
  std::string path_;  ///< without "/" at its ends; empty: all of the registry
};

}  // namespace kintsugi::trust
