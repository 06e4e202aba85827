// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/auth/kubeconfig.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/escape.h"
#include "k8s-client/auth/kubeconfig_files.h"

namespace kintsugi::k8s {
namespace {

struct Sources {
  std::vector<std::string> paths;
  bool skip_missing = true;
  bool named = true;  ///< someone named a file, as against looking at home
};

Sources sources_of(const KubeconfigOptions& options, const Environment& environment) {
  Sources sources;
  if (!options.path.empty()) {
    sources.paths = {options.path};
    sources.skip_missing = false;
    return sources;
  }
  std::string list = environment("KUBECONFIG");
  sources.named = !list.empty();
  if (list.empty() && !environment("HOME").empty()) list = environment("HOME") + "/.kube/config";
  for (std::size_t start = 0; start <= list.size();) {
    const std::size_t end = std::min(list.find(':', start), list.size());
    if (end > start) sources.paths.push_back(list.substr(start, end - start));
    start = end + 1;
  }
  return sources;
}

std::string names_of(const std::map<std::string, KubeconfigEntry>& entries) {
  std::string names;
  for (const auto& [name, entry] : entries) names += (names.empty() ? "" : ", ") + name;
  return escape(names, 300);
}

std::string files_of(const MergedKubeconfig& merged) {
  std::string files;
  for (const std::string& file : merged.files) files += (files.empty() ? "" : ":") + file;
  return files;
}

Result<const KubeconfigEntry*> find_entry(const std::map<std::string, KubeconfigEntry>& entries,
                                          std::string_view what, const std::string& name,
                                          const MergedKubeconfig& merged) {
  const auto found = entries.find(name);
  if (found != entries.end()) return &found->second;
  return fail(make_error(ErrorCode::kInvalidInput,
                         "there is no " + std::string(what) + " '" + escape(name, 100) + "'")
                  .on(files_of(merged))
                  .advise("it has: " + names_of(entries)));
}

/// The URL without trailing slashes, or empty when it is none that a request can be sent to.
std::string clean_server(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  const std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  const bool good = scheme != 0 && url.size() > scheme && url[scheme] != '/' && url[scheme] != ':' &&
                    std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < '\x7f'; }) &&
                    url.find_first_of("@?#\\") == std::string::npos;
  return good ? url : "";
}

Result<void> read_cluster(const KubeconfigEntry& entry, ClusterConfig& config) {
  EntryReader reader(entry);
  config.server = clean_server(reader.text("server"));
  if (config.server.empty()) reader.refuse("server", "'server' must be a URL such as https://host:6443");
  config.ca = reader.pem("certificate-authority-data", "certificate-authority");
  config.tls_server_name = reader.text("tls-server-name");
  config.insecure_skip_tls_verify = reader.flag("insecure-skip-tls-verify");
  config.proxy_url = reader.text("proxy-url");
  return reader.done();
}

/// Ways to authenticate that are known and not supported. A token wins over all of them (K12.7).
void refuse_unsupported(EntryReader& reader, const std::string& user) {
  constexpr std::pair<std::string_view, std::string_view> kUnsupported[] = {
      {"exec", "an exec credential plugin"},
      {"auth-provider", "an auth provider"},
      {"username", "a user name and password"},
      {"password", "a user name and password"},
  };
  for (const auto& [key, what] : kUnsupported) {
    if (!reader.has(key)) continue;
    reader.refuse(key,
                  "user '" + escape(user, 100) + "' needs " + std::string(what) + ", which is not supported",
                  ErrorCode::kUnsupported);
  }
}

Result<void> read_user(const KubeconfigEntry& entry, const std::string& name, ClusterConfig& config) {
  EntryReader reader(entry);
  config.token = reader.secret("token");
  config.token_file = reader.path("tokenFile");
  config.certificate = reader.pem("client-certificate-data", "client-certificate");
  config.key = reader.pem("client-key-data", "client-key");
  config.impersonation = {reader.text("as"), reader.text("as-uid"), reader.texts("as-groups"),
                          reader.text_lists("as-user-extra")};
  if (config.token.empty() && config.token_file.empty()) refuse_unsupported(reader, name);
  if (config.certificate.empty() != config.key.empty()) {
    reader.refuse("",
                  "user '" + escape(name, 100) + "' needs both client certificate and client key, or none");
  }
  auto done = reader.done();
  if (!done && done.error().code == ErrorCode::kUnsupported) {
    return fail(std::move(done).error().advise("give the user a token, a tokenFile or a client certificate"));
  }
  return done;
}

/// What the context says, with the command line's words put in its place.
struct Choice {
  std::string context;
  std::string cluster;
  std::string user;
  std::string name_space;
};

Result<Choice> choose(const MergedKubeconfig& merged, const KubeconfigOptions& options) {
  Choice choice;
  choice.context = options.context.empty() ? merged.current_context : options.context;
  if (choice.context.empty() && options.cluster.empty()) {
    return fail(make_error(ErrorCode::kInvalidInput, "there is no current-context")
                    .on(files_of(merged))
                    .advise("choose one with --context: " + names_of(merged.contexts)));
  }
  if (!choice.context.empty()) {
    const auto entry = find_entry(merged.contexts, "context", choice.context, merged);
    if (!entry) return fail(entry.error());
    EntryReader reader(**entry);
    choice.cluster = reader.text("cluster");
    choice.user = reader.text("user");
    choice.name_space = reader.text("namespace");
    if (choice.cluster.empty() && options.cluster.empty())
      reader.refuse("cluster", "the context names no cluster");
    if (auto done = reader.done(); !done) return fail(std::move(done).error());
  }
  if (!options.cluster.empty()) choice.cluster = options.cluster;
  if (!options.user.empty()) choice.user = options.user;
  return choice;
}

}  // namespace

Result<ClusterConfig> load_kubeconfig(const KubeconfigOptions& options, const Environment& environment) {
  const Sources sources = sources_of(options, environment);
  const auto merged = read_kubeconfig_files(sources.paths, sources.skip_missing);
  if (!merged) return fail(merged.error());
  if (merged->files.empty()) {
    return fail(make_error(ErrorCode::kNotFound, "no kubeconfig found")
                    .on(sources.named ? "KUBECONFIG=" + escape(environment("KUBECONFIG")) : "~/.kube/config")
                    .advise("name one with --kubeconfig or KUBECONFIG"));
  }
  const auto choice = choose(*merged, options);
  if (!choice) return fail(choice.error());
  ClusterConfig config;
  const auto cluster = find_entry(merged->clusters, "cluster", choice->cluster, *merged);
  if (!cluster) return fail(cluster.error());
  if (auto done = read_cluster(**cluster, config); !done) return fail(std::move(done).error());
  if (!choice->user.empty()) {
    const auto user = find_entry(merged->users, "user", choice->user, *merged);
    if (!user) return fail(user.error());
    if (auto done = read_user(**user, choice->user, config); !done) return fail(std::move(done).error());
  }
  if (!choice->name_space.empty()) config.default_namespace = choice->name_space;
  config.user_name = choice->user;
  config.origin = "context '" + escape(choice->context, 100) + "' in " + files_of(*merged);
  return config;
}

Result<ClusterConfig> load_cluster_config(const KubeconfigOptions& options, const Environment& environment) {
  auto config = load_kubeconfig(options, environment);
  const bool nothing_at_home =
      !config && config.error().code == ErrorCode::kNotFound && !sources_of(options, environment).named;
  if (!nothing_at_home) return config;
  return load_in_cluster(environment);
}

}  // namespace kintsugi::k8s
