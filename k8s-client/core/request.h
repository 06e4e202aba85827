// SPDX-License-Identifier: Apache-2.0
//
// From verbs to HTTP: paths, queries, headers. Pure; sends nothing and knows no credentials.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "k8s-client/core/list_params.h"
#include "k8s-client/core/resource.h"
#include "net/http.h"

namespace kintsugi::k8s {

struct DeleteOptions {
  std::string uid{};               ///< precondition (K6.5); empty: none
  std::string resource_version{};  ///< precondition; empty: none
  std::optional<std::int64_t> grace_period_seconds{};
  std::string propagation_policy{};  ///< "Background", "Foreground", "Orphan"; empty: the server's default
};

struct LogOptions {
  std::string container{};
  bool previous = false;
  bool timestamps = true;
  std::size_t limit_bytes = 1u << 20;  ///< sent as limitBytes and enforced here too: counts from the start
  /// Only so many of the last lines, and only those since then: the start of what limit_bytes counts.
  std::optional<std::uint32_t> tail_lines{};
  std::optional<WallTime> since_time{};
};

inline constexpr std::string_view kExecSubprotocol = "v5.channel.k8s.io";  // K11.1

/// "name/version (linux/amd64) commit" (K12.12). The name is the default field manager: keep it stable.
std::string make_user_agent(std::string_view name, std::string_view version, std::string_view commit);

/// Builds the requests for one server. A plain value.
///
/// Names that would change the path's meaning are kInvalidInput: empty ones (a DELETE of "" would empty the
/// collection), "." and "..", and those with '/' or '%' (the server decodes before it splits). So are a
/// missing namespace where one object of a namespaced resource is meant, and a namespace for a cluster-scoped
/// one.
class RequestBuilder {
 public:
  /// `server`: "https://host:port[/prefix]" without a trailing slash.
  explicit RequestBuilder(std::string server) : server_(std::move(server)) {}

  /// `subresource` here and below: empty, or "status" and the like.
  Result<net::HttpRequest> get(const Resource& resource, const ObjectKey& key,
                               const std::string& subresource = "") const;
  /// An empty namespace lists all. With a continue token the version and its match are left out (K1.1); a
  /// version without a match gets NotOlderThan (K1.3). Asks for gzip (K12.13).
  Result<net::HttpRequest> list(const Resource& resource, const std::string& name_space,
                                const ListParams& params) const;
  /// With bookmarks, an idle timeout of the server's timeout and 5 s (K2.8), and a connection of its own
  /// (K12.9).
  Result<net::HttpRequest> watch(const Resource& resource, const std::string& name_space,
                                 const WatchParams& params) const;
  Result<net::HttpRequest> create(const Resource& resource, const std::string& name_space, std::string object,
                                  bool dry_run) const;
  Result<net::HttpRequest> update(const Resource& resource, const ObjectKey& key,
                                  const std::string& subresource, std::string object, bool dry_run) const;
  /// `patch` is an RFC 6902 text, sent unchanged.
  Result<net::HttpRequest> patch(const Resource& resource, const ObjectKey& key,
                                 const std::string& subresource, std::string patch, bool dry_run) const;
  Result<net::HttpRequest> remove(const Resource& resource, const ObjectKey& key,
                                  const DeleteOptions& options, bool dry_run) const;
  Result<net::HttpRequest> logs(const ObjectKey& pod, const LogOptions& options) const;  // K11.8
  /// The URL to open as a WebSocket with kExecSubprotocol (K11.1); standard output and error, no input.
  Result<std::string> exec_url(const ObjectKey& pod, const std::string& container,
                               const std::vector<std::string>& command) const;

 private:
  std::string server_;
};

}  // namespace kintsugi::k8s
