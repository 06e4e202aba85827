// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_credentials.h"

#include <algorithm>

#include "base/document.h"
#include "base/encoding.h"
#include "base/escape.h"

namespace kintsugi::trust {
namespace {

/// "https://index.docker.io/v1/" → "docker.io"
std::string normal_scope(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  while (key.ends_with('/')) key.remove_suffix(1);
  for (const std::string_view version : {"/v1", "/v2"}) {
    if (key.ends_with(version)) key.remove_suffix(version.size());
  }
  const std::string_view host = key.substr(0, key.find('/'));
  const bool hub = host == "index.docker.io" || host == "registry-1.docker.io";
  return hub ? "docker.io" + std::string(key.substr(host.size())) : std::string(key);
}

bool contains(std::string_view scope, std::string_view name) {
  return name.starts_with(scope) && (name.size() == scope.size() || name[scope.size()] == '/');
}

tl::unexpected<Error> bad_entry(std::string_view key, std::string_view what,
                                ErrorCode code = ErrorCode::kInvalidInput) {
  return fail(code, "registry credentials for \"" + escape(key, 128) + "\": " + std::string(what));
}

const std::string* text_member(const Node& object, std::string_view key) {
  const Node* node = object.find(key);
  return node != nullptr && node->kind == Node::Kind::kString && !node->text.empty() ? &node->text : nullptr;
}

Result<BasicCredentials> read_entry(const Node::Member& entry) {
  if (const std::string* auth = text_member(entry.value, "auth")) {
    const auto decoded = base64_decode(*auth);
    const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos) return bad_entry(entry.key, "auth is not base64 of user:password");
    return BasicCredentials{decoded->substr(0, colon), Secret(decoded->substr(colon + 1))};
  }
  const std::string* username = text_member(entry.value, "username");
  const std::string* password = text_member(entry.value, "password");
  if (username != nullptr && password != nullptr) {
    if (username->find(':') != std::string::npos)
      return bad_entry(entry.key, "a username cannot contain \":\"");
    return BasicCredentials{*username, Secret(*password)};
  }
  if (text_member(entry.value, "identitytoken") != nullptr) {
    return bad_entry(entry.key, "identity tokens are not supported", ErrorCode::kUnsupported);
  }
  return bad_entry(entry.key, "neither auth nor username and password");
}

}  // namespace

Result<RegistryCredentials> RegistryCredentials::parse(const Secret& docker_config_json) {
  const auto root = parse_json_document(docker_config_json.reveal(), {.max_bytes = 1u << 20, .max_depth = 8});
  if (!root) return fail(ErrorCode::kInvalidInput, "registry credentials: not a JSON document");
  const Node* auths = root->find("auths");
  if (auths == nullptr || auths->kind != Node::Kind::kObject) {
    return fail(ErrorCode::kInvalidInput, "registry credentials: no object \"auths\"");
  }
  RegistryCredentials out;
  for (const Node::Member& entry : auths->members) {
    auto credentials = read_entry(entry);
    if (!credentials) return fail(std::move(credentials).error());
    Entry made{normal_scope(entry.key), std::move(*credentials)};
    // Longest scope first; of equal ones (aliases of Docker Hub) the first that was written.
    const auto place =
        std::upper_bound(out.entries_.begin(), out.entries_.end(), made.scope.size(),
                         [](std::size_t size, const Entry& other) { return size > other.scope.size(); });
    out.entries_.insert(place, std::move(made));
  }
  return out;
}

const BasicCredentials* RegistryCredentials::find(const ImageReference& image) const {
  const std::string name = image.name();
  const auto entry =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return contains(e.scope, name); });
  return entry == entries_.end() ? nullptr : &entry->credentials;
}

}  // namespace kintsugi::trust
