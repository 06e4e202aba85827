// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_credentials.h"

#include <algorithm>

#include "base/document.h"
#include "base/encoding.h"
#include "base/escape.h"
#include "trust/registry/credential_helpers.h"
#include "trust/registry/registry_auth.h"

namespace kintsugi::trust {
namespace {

using Kind = RegistryCredential::Kind;

tl::unexpected<Error> bad_entry(std::string_view key, std::string_view what) {
  return fail(ErrorCode::kInvalidInput,
              "registry credentials for \"" + escape(key, 128) + "\": " + std::string(what));
}

tl::unexpected<Error> bad_file(const std::string& what) {
  return fail(ErrorCode::kInvalidInput, "registry credentials: " + what);
}

const std::string* text_member(const Node& object, std::string_view key) {
  const Node* node = object.find(key);
  return node != nullptr && node->kind == Node::Kind::kString && !node->text.empty() ? &node->text : nullptr;
}

Result<RegistryCredential> read_auth(std::string_view key, const std::string& auth) {
  const auto decoded = base64_decode(auth);
  const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return bad_entry(key, "auth is not base64 of user:password");
  return RegistryCredential{Kind::kPassword, decoded->substr(0, colon), Secret(decoded->substr(colon + 1))};
}

Result<RegistryCredential> read_entry(const Node::Member& entry) {
  for (const auto& [member, kind] :
       {std::pair("registrytoken", Kind::kRegistryToken), std::pair("identitytoken", Kind::kIdentityToken)}) {
    const std::string* token = text_member(entry.value, member);
    if (token == nullptr) continue;
    if (!is_token_text(*token)) return bad_entry(entry.key, std::string(member) + " is no token");
    return RegistryCredential{kind, {}, Secret(*token)};
  }
  if (const std::string* auth = text_member(entry.value, "auth")) return read_auth(entry.key, *auth);
  const std::string* username = text_member(entry.value, "username");
  const std::string* password = text_member(entry.value, "password");
  if (username == nullptr || password == nullptr)
    return bad_entry(entry.key, "neither a token, nor auth, nor username and password");
  if (username->find(':') != std::string::npos)
    return bad_entry(entry.key, "a username cannot contain \":\"");
  return RegistryCredential{Kind::kPassword, *username, Secret(*password)};
}

/// The name of a helper in `node`.
Result<std::string> read_helper(const std::string& place, const Node& node) {
  if (node.kind == Node::Kind::kString && is_helper_name(node.text)) return node.text;
  return bad_file(place + " is not the name of a credential helper (a-z, 0-9 and \"-\")");
}

}  // namespace

Result<RegistryCredentials> RegistryCredentials::parse(const Secret& docker_config_json) {
  const auto root = parse_json_document(docker_config_json.reveal(), {.max_bytes = 1u << 20, .max_depth = 8});
  if (!root) return bad_file("not a JSON document");
  RegistryCredentials out;
  if (const Node* store = root->find("credsStore")) {
    auto name = read_helper("credsStore", *store);
    if (!name) return fail(std::move(name).error());
    out.store_ = std::move(*name);
  }
  if (const Node* helpers = root->find("credHelpers")) {
    if (helpers->kind != Node::Kind::kObject) return bad_file("credHelpers is no object");
    for (const Node::Member& entry : helpers->members) {
      auto name = read_helper("credHelpers for \"" + escape(entry.key, 128) + "\"", entry.value);
      if (!name) return fail(std::move(name).error());
      out.hosts_.emplace_back(CredentialScope(entry.key).host(), std::move(*name));
    }
  }
  const bool has_helpers = !out.store_.empty() || !out.hosts_.empty();
  const Node* auths = root->find("auths");
  if (auths == nullptr && has_helpers) return out;
  if (auths == nullptr || auths->kind != Node::Kind::kObject) return bad_file("no object \"auths\"");
  for (const Node::Member& entry : auths->members) {
    if (has_helpers && entry.value.kind == Node::Kind::kObject && entry.value.members.empty()) continue;
    auto credential = read_entry(entry);
    if (!credential) return fail(std::move(credential).error());
    out.entries_.push_back({CredentialScope(entry.key), std::move(*credential)});
  }
  std::stable_sort(out.entries_.begin(), out.entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.scope.is_more_specific_than(b.scope); });
  return out;
}

const RegistryCredential* RegistryCredentials::find(const ImageReference& image) const {
  const auto entry =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.scope.matches(image); });
  return entry == entries_.end() ? nullptr : &entry->credential;
}

const std::string& RegistryCredentials::helper_for(const ImageReference& image) const {
  const auto host = std::find_if(hosts_.begin(), hosts_.end(),
                                 [&](const auto& entry) { return entry.first == image.registry; });
  return host == hosts_.end() ? store_ : host->second;
}

}  // namespace kintsugi::trust
