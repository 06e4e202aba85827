// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_hosts_file.h"

#include <fmt/format.h>

#include <utility>

#include "base/document.h"
#include "base/file.h"
#include "base/strict_reader.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;
constexpr std::size_t kMaxEntries = 256;

/// The objects of a list, at most kMaxEntries.
const std::vector<Node>& entries(ObjectReader& reader, std::string_view key) {
  static const std::vector<Node> kNone;
  const Node* list = reader.array(key);
  if (list == nullptr) return kNone;
  if (list->items.size() <= kMaxEntries) return list->items;
  reader.report(key, fmt::format("has more than {} entries", kMaxEntries));
  return kNone;
}

RegistryMirror read_mirror(const Node& node, const std::string& path, ProblemList& problems) {
  RegistryMirror mirror;
  ObjectReader reader(node, path, {"prefix", "mirror"}, problems);
  reader.string("prefix", mirror.prefix, Presence::kRequired);
  reader.string("mirror", mirror.mirror, Presence::kRequired);
  return mirror;
}

/// A host as written; the client certificate's files are read after the document has been found good.
struct HostEntry {
  RegistryHost host;
  std::string certificate_file, key_file;
  bool allow_http = false;
};

HostEntry read_host(const Node& node, const std::string& path, ProblemList& problems) {
  HostEntry entry;
  ObjectReader reader(node, path, {"host", "caFile", "certificateFile", "keyFile", "proxyURL", "allowHTTP"},
                      problems);
  reader.string("host", entry.host.host, Presence::kRequired);
  reader.string("caFile", entry.host.ca_file);
  reader.string("certificateFile", entry.certificate_file);
  reader.string("keyFile", entry.key_file);
  reader.string("proxyURL", entry.host.proxy_url);
  reader.boolean("allowHTTP", entry.allow_http);
  if (entry.certificate_file.empty() != entry.key_file.empty())
    reader.report("keyFile", "certificateFile and keyFile are needed together");
  return entry;
}

Result<void> read_client_certificate(HostEntry& entry) {
  if (entry.certificate_file.empty()) return {};
  auto certificate = read_file(entry.certificate_file, kMaxFileBytes);
  if (!certificate) return fail(std::move(certificate).error());
  auto key = read_file(entry.key_file, kMaxFileBytes);
  if (!key) return fail(std::move(key).error());
  entry.host.certificate_pem = std::move(*certificate);
  entry.host.key_pem = Secret(std::move(*key));
  return {};
}

}  // namespace

Result<RegistryHosts> parse_registry_hosts(std::string_view text, const std::string& source) {
  const auto node = parse_yaml_document(text);
  if (!node) return fail(Error(node.error()).on(source));
  ProblemList problems(source);
  ObjectReader reader(*node, "", {"mirrors", "hosts"}, problems);
  RegistryHosts out;
  std::size_t index = 0;
  for (const Node& mirror : entries(reader, "mirrors"))
    out.mirrors.push_back(read_mirror(mirror, join_path("mirrors", index++), problems));
  std::vector<HostEntry> hosts;
  for (const Node& host : entries(reader, "hosts"))
    hosts.push_back(read_host(host, join_path("hosts", hosts.size()), problems));
  if (!problems.empty()) return fail(problems.to_error());
  if (auto checked = check_mirrors(out.mirrors); !checked) return fail(std::move(checked).error().on(source));
  for (HostEntry& entry : hosts) {
    if (auto read = read_client_certificate(entry); !read) return fail(std::move(read).error());
    if (entry.allow_http) out.http_hosts.insert(entry.host.host);
    out.hosts.push_back(std::move(entry.host));
  }
  return out;
}

Result<RegistryHosts> read_registry_hosts(const std::string& path) {
  const auto text = read_file(path, kMaxFileBytes);
  if (!text) return fail(text.error());
  return parse_registry_hosts(*text, path);
}

}  // namespace kintsugi::trust
