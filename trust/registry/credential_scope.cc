// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/credential_scope.h"

#include <algorithm>
#include <tuple>

namespace kintsugi::trust {
namespace {

std::string_view port_of(std::string_view host) {
  const std::size_t colon = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  return colon == host.npos ? std::string_view() : host.substr(colon);
}

/// Label by label, so that "*" never stands for a dot.
bool match_labels(std::string_view pattern, std::string_view host) {
  while (true) {
    const std::size_t pattern_end = std::min(pattern.find('.'), pattern.size());
    const std::size_t host_end = std::min(host.find('.'), host.size());
    if (!match_stars(pattern.substr(0, pattern_end), host.substr(0, host_end))) return false;
    if (pattern_end == pattern.size() || host_end == host.size())
      return pattern_end == pattern.size() && host_end == host.size();
    pattern.remove_prefix(pattern_end + 1);
    host.remove_prefix(host_end + 1);
  }
}

bool match_host(std::string_view pattern, std::string_view host) {
  const std::string_view pattern_port = port_of(pattern);
  const std::string_view host_port = port_of(host);
  if (pattern_port != host_port) return false;
  pattern.remove_suffix(pattern_port.size());
  host.remove_suffix(host_port.size());
  return match_labels(pattern, host);
}

}  // namespace

bool is_name_below(std::string_view prefix, std::string_view name) {
  return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '/');
}

CredentialScope::CredentialScope(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  while (key.ends_with('/')) key.remove_suffix(1);
  for (const std::string_view version : {"/v1", "/v2"}) {
    if (key.ends_with(version)) key.remove_suffix(version.size());
  }
  host_ = key.substr(0, key.find('/'));
  path_ = key.size() > host_.size() ? key.substr(host_.size() + 1) : std::string_view();
  std::transform(host_.begin(), host_.end(), host_.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  if (host_ == "index.docker.io" || host_ == "registry-1.docker.io") host_ = "docker.io";
}

bool CredentialScope::matches(const ImageReference& image) const {
  return match_host(host_, image.registry) && (path_.empty() || is_name_below(path_, image.repository));
}

bool CredentialScope::is_more_specific_than(const CredentialScope& other) const {
  const auto rank = [](const CredentialScope& scope) {
    const auto stars = std::count(scope.host_.begin(), scope.host_.end(), '*');
    return std::tuple(stars == 0, scope.path_.size(), std::ptrdiff_t(scope.host_.size()) - stars);
  };
  return rank(*this) > rank(other);
}

}  // namespace kintsugi::trust
