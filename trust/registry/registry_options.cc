// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_options.h"

#include <optional>
#include <utility>

#include "base/escape.h"
#include "trust/registry/registry_auth.h"

namespace kintsugi::trust {
namespace {

/// `image` by another name, with its tag and digest; nothing where that is no name.
std::optional<ImageReference> renamed(const ImageReference& image, const std::string& name) {
  auto parsed = ImageReference::parse(name);
  if (!parsed) return std::nullopt;
  parsed->tag = image.tag;
  parsed->digest = image.digest;
  return std::move(*parsed);
}

/// True for "registry" and "registry/path", in the spelling of ImageReference::name().
bool is_name_prefix(const std::string& prefix) {
  const auto image = ImageReference::parse(prefix + "/x/x");
  return image && image->name() == prefix + "/x/x";
}

}  // namespace

bool RegistryOptions::permits_http(const net::Url& url) const {
  return is_loopback(url.host) || allow_http || http_hosts.contains(url.host_header());
}

Result<void> check_mirrors(const std::vector<RegistryMirror>& mirrors) {
  for (const RegistryMirror& mirror : mirrors) {
    for (const std::string& name : {mirror.prefix, mirror.mirror}) {
      if (is_name_prefix(name)) continue;
      return fail(make_error(ErrorCode::kInvalidInput,
                             "\"" + escape(name, 256) + "\" is no registry, with or without a path")
                      .on("registry mirrors")
                      .advise("write \"docker.io/library\" or \"mirror.example.com:5000\""));
    }
  }
  return {};
}

std::vector<RegistrySource> sources_of(const ImageReference& image,
                                       const std::vector<RegistryMirror>& mirrors) {
  std::vector<RegistrySource> sources;
  const std::string name = image.name();
  for (const RegistryMirror& mirror : mirrors) {
    if (!is_name_below(mirror.prefix, name)) continue;
    auto source = renamed(image, mirror.mirror + name.substr(mirror.prefix.size()));
    if (source) sources.push_back({std::move(*source), true});
  }
  sources.push_back({image, false});
  return sources;
}

}  // namespace kintsugi::trust
