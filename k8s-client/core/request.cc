// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/request.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/encoding.h"
#include "base/escape.h"
#include "base/time.h"

namespace kintsugi::k8s {
namespace {

/// A list without a limit carries a whole collection; what bounds memory is the projection on parsing.
constexpr std::size_t kMaxListBytes = 512u << 20;
constexpr std::chrono::seconds kWatchIdleMargin{5};

class Query {
 public:
  Query& add(std::string_view key, std::string_view value) {
    text_ += (text_.empty() ? "?" : "&") + std::string(key) + "=" + url_encode(value);
    return *this;
  }
  Query& add_if_set(std::string_view key, std::string_view value) {
    return value.empty() ? *this : add(key, value);
  }
  Query& add_flag(std::string_view key, bool on) { return on ? add(key, "true") : *this; }
  Query& add_dry_run(bool on) { return on ? add("dryRun", "All") : *this; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// The rule of apimachinery's IsValidPathSegmentName.
bool is_path_segment(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of("/%") == std::string_view::npos;
}

tl::unexpected<Error> bad_name(std::string_view what, std::string_view name, const Resource& resource) {
  Error error =
      make_error(ErrorCode::kInvalidInput, std::string(what) + " '" + escape(name, 80) + "' cannot be used");
  return fail(std::move(error).on(std::string(resource.plural)));
}

Result<std::string> collection_path(const Resource& resource, const std::string& name_space) {
  std::string path = resource.group.empty() ? "/api/" : "/apis/" + std::string(resource.group) + "/";
  path += resource.version;
  if (!name_space.empty()) {
    if (!resource.namespaced || !is_path_segment(name_space))
      return bad_name("namespace", name_space, resource);
    path += "/namespaces/" + url_encode(name_space);
  }
  return path + "/" + std::string(resource.plural);
}

Result<std::string> object_path(const Resource& resource, const ObjectKey& key,
                                std::string_view subresource) {
  if (resource.namespaced && key.name_space.empty()) return bad_name("namespace", "", resource);
  if (!is_path_segment(key.name)) return bad_name("name", key.name, resource);
  auto path = collection_path(resource, key.name_space);
  if (!path) return path;
  *path += "/" + url_encode(key.name);
  if (!subresource.empty()) *path += "/" + std::string(subresource);
  return path;
}

net::HttpRequest make_request(std::string method, std::string url) {
  net::HttpRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.headers.set("Accept", "application/json");
  return request;
}

void set_body(net::HttpRequest& request, std::string content_type, std::string body) {
  request.headers.set("Content-Type", std::move(content_type));
  request.body = std::move(body);
}

/// K4.7; the second type lets a server that cannot answer so send the whole objects.
std::string metadata_accept(std::string_view kind) {
  return "application/json;as=" + std::string(kind) + ";g=meta.k8s.io;v=v1,application/json";
}

/// All in the body, dryRun too: a server that is sent a body passes over the query of a DELETE.
std::string delete_body(const DeleteOptions& options, bool dry_run) {
  nlohmann::json body{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!options.uid.empty()) body["preconditions"]["uid"] = options.uid;
  if (!options.resource_version.empty()) body["preconditions"]["resourceVersion"] = options.resource_version;
  if (options.grace_period_seconds) body["gracePeriodSeconds"] = *options.grace_period_seconds;
  if (!options.propagation_policy.empty()) body["propagationPolicy"] = options.propagation_policy;
  if (dry_run) body["dryRun"] = nlohmann::json::array({"All"});
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

constexpr std::string_view platform() {
#if defined(__x86_64__)
  return "linux/amd64";
#elif defined(__aarch64__)
  return "linux/arm64";
#else
  return "linux";
#endif
}

}  // namespace

std::string make_user_agent(std::string_view name, std::string_view version, std::string_view commit) {
  std::string agent = std::string(name) + "/" + std::string(version) + " (" + std::string(platform()) + ")";
  if (!commit.empty()) agent += " " + std::string(commit);
  return agent;
}

Result<net::HttpRequest> RequestBuilder::get(const Resource& resource, const ObjectKey& key,
                                             const std::string& subresource) const {
  const auto path = object_path(resource, key, subresource);
  if (!path) return fail(path.error());
  return make_request("GET", server_ + *path);
}

Result<net::HttpRequest> RequestBuilder::list(const Resource& resource, const std::string& name_space,
                                              const ListParams& params) const {
  const auto path = collection_path(resource, name_space);
  if (!path) return fail(path.error());
  Query query;
  query.add_if_set("labelSelector", params.label_selector).add_if_set("fieldSelector", params.field_selector);
  if (params.limit > 0) query.add("limit", std::to_string(params.limit));
  if (!params.continue_token.empty()) {
    query.add("continue", params.continue_token);
  } else if (!params.resource_version.empty()) {
    const bool has_match = !params.resource_version_match.empty();
    query.add("resourceVersion", params.resource_version)
        .add("resourceVersionMatch", has_match ? params.resource_version_match : "NotOlderThan");
  }
  net::HttpRequest request = make_request("GET", server_ + *path + query.text());
  if (params.metadata_only) request.headers.set("Accept", metadata_accept("PartialObjectMetadataList"));
  request.accept_compressed = true;
  request.max_response_bytes = kMaxListBytes;
  return request;
}

Result<net::HttpRequest> RequestBuilder::watch(const Resource& resource, const std::string& name_space,
                                               const WatchParams& params) const {
  const auto path = collection_path(resource, name_space);
  if (!path) return fail(path.error());
  Query query;
  query.add("watch", "true")
      .add("allowWatchBookmarks", "true")
      .add("resourceVersion", params.resource_version)
      .add("timeoutSeconds", std::to_string(params.timeout_seconds))
      .add_if_set("labelSelector", params.label_selector)
      .add_if_set("fieldSelector", params.field_selector);
  net::HttpRequest request = make_request("GET", server_ + *path + query.text());
  if (params.metadata_only) request.headers.set("Accept", metadata_accept("PartialObjectMetadata"));
  request.idle_timeout = std::chrono::seconds(params.timeout_seconds) + kWatchIdleMargin;
  request.connection_pool = "watch " + *path + "?" + params.label_selector + "&" + params.field_selector;
  return request;
}

Result<net::HttpRequest> RequestBuilder::create(const Resource& resource, const std::string& name_space,
                                                std::string object, bool dry_run) const {
  if (resource.namespaced && name_space.empty()) return bad_name("namespace", "", resource);
  const auto path = collection_path(resource, name_space);
  if (!path) return fail(path.error());
  net::HttpRequest request = make_request("POST", server_ + *path + Query().add_dry_run(dry_run).text());
  set_body(request, "application/json", std::move(object));
  return request;
}

Result<net::HttpRequest> RequestBuilder::update(const Resource& resource, const ObjectKey& key,
                                                const std::string& subresource, std::string object,
                                                bool dry_run) const {
  const auto path = object_path(resource, key, subresource);
  if (!path) return fail(path.error());
  net::HttpRequest request = make_request("PUT", server_ + *path + Query().add_dry_run(dry_run).text());
  set_body(request, "application/json", std::move(object));
  return request;
}

Result<net::HttpRequest> RequestBuilder::patch(const Resource& resource, const ObjectKey& key,
                                               const std::string& subresource, std::string patch,
                                               bool dry_run) const {
  const auto path = object_path(resource, key, subresource);
  if (!path) return fail(path.error());
  net::HttpRequest request = make_request("PATCH", server_ + *path + Query().add_dry_run(dry_run).text());
  set_body(request, "application/json-patch+json", std::move(patch));
  return request;
}

Result<net::HttpRequest> RequestBuilder::remove(const Resource& resource, const ObjectKey& key,
                                                const DeleteOptions& options, bool dry_run) const {
  const auto path = object_path(resource, key, "");
  if (!path) return fail(path.error());
  net::HttpRequest request = make_request("DELETE", server_ + *path);
  set_body(request, "application/json", delete_body(options, dry_run));
  return request;
}

Result<net::HttpRequest> RequestBuilder::logs(const ObjectKey& pod, const LogOptions& options) const {
  const auto path = object_path(kPods, pod, "log");
  if (!path) return fail(path.error());
  Query query;
  query.add_if_set("container", options.container)
      .add_flag("previous", options.previous)
      .add_flag("timestamps", options.timestamps)
      .add("limitBytes", std::to_string(options.limit_bytes));
  if (options.tail_lines) query.add("tailLines", std::to_string(*options.tail_lines));
  if (options.since_time) query.add("sinceTime", format_seconds(*options.since_time));
  net::HttpRequest request = make_request("GET", server_ + *path + query.text());
  // Plain text on success, but refusals are to be a Status.
  request.headers.set("Accept", "application/json, */*");
  return request;
}

Result<std::string> RequestBuilder::exec_url(const ObjectKey& pod, const std::string& container,
                                             const std::vector<std::string>& command) const {
  if (command.empty())
    return fail(make_error(ErrorCode::kInvalidInput, "no command to run").on(pod.to_string()));
  const auto path = object_path(kPods, pod, "exec");
  if (!path) return fail(path.error());
  Query query;
  for (const std::string& word : command) query.add("command", word);
  query.add_if_set("container", container).add("stdout", "true").add("stderr", "true");
  return server_ + *path + query.text();
}

}  // namespace kintsugi::k8s
