// SPDX-License-Identifier: Apache-2.0
#include "sandbox/api.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "base/document.h"
#include "k8s-client/core/patch.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

constexpr const char* kJsonPatch = "application/json-patch+json";

/// Name and value of each query parameter, decoded.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    const std::size_t equals = std::min(part.find('='), part.size());
    parameters.emplace_back(url_decode(part.substr(0, equals), true),
                            url_decode(part.substr(std::min(equals + 1, part.size())), true));
  }
  return parameters;
}

/// What a path below /api or /apis is about.
struct Route {
  const ResourceInfo* info = nullptr;
  k8s::ObjectKey key;  ///< an empty name: the collection
  std::string subresource;
};

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t start = 1;
  while (start < path.size()) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    parts.push_back(url_decode(std::string_view(path).substr(start, end - start), false));
    start = end + 1;
  }
  return parts;
}

/// The route of /api/v1/… or /apis/GROUP/VERSION/…; `info` stays null where nothing is served.
Route find_route(std::vector<std::string> parts) {
  Route route;
  const bool core = !parts.empty() && parts[0] == "api";
  const std::size_t prefix = core ? 2 : 3;
  if (parts.size() <= prefix) return route;
  const std::string group = core ? "" : parts[1];
  const std::string version = parts[prefix - 1];
  parts.erase(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(prefix));
  const bool scoped = parts.size() > 2 && parts[0] == "namespaces" && parts[2] != "status";
  if (scoped) {
    route.key.name_space = parts[1];
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  if (parts.size() > 3) return route;
  parts.resize(3);
  route.key.name = parts[1];
  route.subresource = parts[2];
  const ResourceInfo* info = find_resource(group, version, parts[0]);
  if (info == nullptr) return route;
  const bool scope_fits = info->resource.namespaced ? scoped || route.key.name.empty() : !scoped;
  if (scope_fits) route.info = info;
  return route;
}

net::HttpResponse respond(int status, std::string body, const char* type = "application/json") {
  net::HttpResponse response{status, {}, std::move(body)};
  response.headers.add("Content-Type", type);
  return response;
}

net::HttpResponse respond(int status, const json& body) {
  return respond(status, body.dump(-1, ' ', false, json::error_handler_t::replace));
}

net::HttpResponse respond(const Refusal& refusal) {
  net::HttpResponse response = respond(refusal.code, refusal.to_json());
  if (refusal.details && refusal.details->retry_after_seconds > 0)
    response.headers.add("Retry-After", std::to_string(refusal.details->retry_after_seconds));
  return response;
}

Answer<std::uint64_t> parse_number(const std::string& text) {
  std::uint64_t number = 0;
  if (text.empty()) return number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return refuse(bad_request("strconv.ParseUint: parsing \"" + text + "\": invalid syntax"));
  return number;
}

/// One request on its way to the store.
class Call {
 public:
  Call(ObjectStore& store, const Containers& containers, const net::ServerRequest& request, Route route)
      : store_(store), containers_(containers), request_(request), route_(std::move(route)) {}

  ApiAnswer run() {
    if (route_.subresource == "log" || route_.subresource == "exec") return container_access();
    const bool status = route_.subresource == "status" && info().status_subresource;
    if (!route_.subresource.empty() && !status) return respond(not_found(info(), route_.key.name));
    if (request_.method == "GET") return route_.key.name.empty() ? collection() : get();
    if (const std::string dry = query("dryRun"); !dry.empty() && dry != "All")
      return respond(bad_request("dryRun: Unsupported value: [\"" + dry + "\"]: supported values: \"All\""));
    options_ = {.dry_run = query("dryRun") == "All", .status = status};
    if (request_.method == "POST" && route_.key.name.empty()) return create();
    if (route_.key.name.empty() || request_.method == "POST") return respond(method_not_allowed());
    if (request_.method == "PUT") return update();
    if (request_.method == "PATCH") return patch();
    return request_.method == "DELETE" && !status ? remove() : respond(method_not_allowed());
  }

 private:
  const ResourceInfo& info() const { return *route_.info; }
  const k8s::Resource& resource() const { return route_.info->resource; }
  std::string query(std::string_view name) const { return query_value(request_.query, name); }
  bool is_true(std::string_view name) const { return query(name) == "true" || query(name) == "1"; }
  bool wants_metadata_only() const {
    const std::string* accept = request_.headers.find("Accept");
    return accept != nullptr && accept->find("as=PartialObjectMetadata") != std::string::npos;
  }

  net::HttpResponse respond_with(int status, const Answer<Object>& object) const {
    return object ? respond(status, shown(*object, wants_metadata_only())) : respond(object.error());
  }

  net::HttpResponse get() const { return respond_with(200, store_.get(resource(), route_.key)); }

  Answer<Selection> selection() const {
    auto labels = parse_label_selector(query("labelSelector"));
    if (!labels) return refuse(std::move(labels).error());
    auto fields = parse_field_selector(info(), query("fieldSelector"));
    if (!fields) return refuse(std::move(fields).error());
    return Selection{route_.key.name_space, std::move(*labels), std::move(*fields)};
  }

  ApiAnswer collection() const {
    auto selected = selection();
    if (!selected) return respond(selected.error());
    const auto version = parse_number(query("resourceVersion"));
    const auto limit = parse_number(query("limit"));
    const auto timeout = parse_number(query("timeoutSeconds"));
    for (const auto* number : {&version, &limit, &timeout})
      if (!*number) return respond(number->error());
    if (!query("resourceVersionMatch").empty() && query("resourceVersion").empty())
      return respond(bad_request("resourceVersionMatch is forbidden unless resourceVersion is provided"));
    if (!is_true("watch")) return list(std::move(*selected), *version, *limit);
    WatchStart watch{resource(), std::move(*selected), std::nullopt};
    if (*version != 0) watch.since = *version;
    if (*timeout != 0) watch.timeout = std::chrono::seconds(std::min<std::uint64_t>(*timeout, 86'400));
    watch.bookmarks = is_true("allowWatchBookmarks");
    watch.metadata_only = wants_metadata_only();
    return watch;
  }

  net::HttpResponse list(Selection selected, std::uint64_t version, std::size_t limit) const {
    ListOptions options{std::move(selected), limit, query("continue")};
    const std::string match = query("resourceVersionMatch");
    if (match == "Exact" || (match.empty() && limit != 0)) options.exact_version = version;
    if (version > store_.version()) return respond(version_too_large(version, store_.version()));
    const auto page = store_.list(resource(), options);
    if (!page) return respond(page.error());
    const bool partial = wants_metadata_only();
    json metadata{{"resourceVersion", std::to_string(page->version)}};
    if (!page->continue_token.empty()) metadata["continue"] = page->continue_token;
    if (page->remaining > 0 && options.selection.labels.empty() && options.selection.fields.empty())
      metadata["remainingItemCount"] = page->remaining;
    json items = json::array();
    for (const Object& item : page->items) {
      items.push_back(shown(item, partial));
      if (partial) continue;
      items.back().erase("kind");  // the list says it once
      items.back().erase("apiVersion");
    }
    return respond(200,
                   {{"kind", partial ? "PartialObjectMetadataList" : std::string(resource().kind) + "List"},
                    {"apiVersion", partial ? "meta.k8s.io/v1" : resource().api_version()},
                    {"metadata", std::move(metadata)},
                    {"items", std::move(items)}});
  }

  /// The body as an object, or the refusal that the API server has for it.
  Answer<json> body() const {
    const std::string* type = request_.headers.find("Content-Type");
    if (type != nullptr && !type->starts_with("application/json"))
      return refuse(
          unsupported_media_type("the body of the request was in an unknown format - accepted media types "
                                 "include: application/json"));
    auto object = parse_json(request_.body, kLimits);
    if (object && object->is_object()) return std::move(*object);
    return refuse(bad_request("the object provided is unrecognized (must be of type " +
                              std::string(resource().kind) +
                              "): " + (object ? "not an object" : object.error().to_string())));
  }

  net::HttpResponse create() const {
    if (info().resource.namespaced && route_.key.name_space.empty()) return respond(method_not_allowed());
    auto object = body();
    if (!object) return respond(object.error());
    return respond_with(201, store_.create(resource(), route_.key.name_space, std::move(*object), options_));
  }

  net::HttpResponse update() const {
    auto object = body();
    if (!object) return respond(object.error());
    if (!field(*object, {"metadata"}).is_object()) (*object)["metadata"] = json::object();
    const auto replaced = store_.replace(resource(), route_.key, *object, options_);
    const bool creates = resource() == k8s::kLeases && !replaced && replaced.error().code == 404;
    if (!creates || name_of(*object) != route_.key.name) return respond_with(200, replaced);
    return respond_with(201, store_.create(resource(), route_.key.name_space, std::move(*object), options_));
  }

  net::HttpResponse patch() const {
    const std::string* type = request_.headers.find("Content-Type");
    if (type == nullptr || !type->starts_with(kJsonPatch))
      return respond(
          unsupported_media_type("the body of the request was in an unknown format - accepted media types "
                                 "include: application/json-patch+json"));
    const auto operations = parse_json(request_.body, kLimits);
    if (!operations || !operations->is_array())
      return respond(
          bad_request("error decoding patch: " + (operations ? "not an array" : operations.error().message)));
    const Edit edit = [&](json& object) -> std::optional<Refusal> {
      auto patched = k8s::apply_json_patch(object, request_.body);
      if (!patched || !patched->is_object()) return patch_failed();
      object = std::move(*patched);
      return std::nullopt;
    };
    return respond_with(200, store_.edit(resource(), route_.key, edit, options_));
  }

  net::HttpResponse remove() const {
    DeleteOptions options{.dry_run = options_.dry_run};
    json asked = json::object();
    if (!request_.body.empty()) {
      auto parsed = parse_json(request_.body, kLimits);
      if (!parsed) return respond(unclassified("couldn't get version/kind; " + parsed.error().message));
      asked = std::move(*parsed);
    }
    options.uid = text(asked, {"preconditions", "uid"});
    options.resource_version = text(asked, {"preconditions", "resourceVersion"});
    const json& grace = field(asked, {"gracePeriodSeconds"});
    if (grace.is_number_integer()) options.grace_seconds = grace.get<std::int64_t>();
    const json& dry = field(asked, {"dryRun"});
    options.dry_run = options.dry_run || std::find(dry.begin(), dry.end(), "All") != dry.end();
    const auto deletion = store_.remove(resource(), route_.key, options);
    if (!deletion) return respond(deletion.error());
    if (!deletion->removed || info().answers_with_deleted) return respond(200, *deletion->object);
    json details{{"name", route_.key.name}, {"kind", resource().plural}, {"uid", uid_of(*deletion->object)}};
    if (!resource().group.empty()) details["group"] = resource().group;
    return respond(200, {{"kind", "Status"},
                         {"apiVersion", "v1"},
                         {"metadata", json::object()},
                         {"status", "Success"},
                         {"details", std::move(details)}});
  }

  /// The container that `pod` and the query mean.
  Answer<json> container_status(const json& pod) const {
    const std::string name = query("container");
    const json& containers = field(pod, {"spec", "containers"});
    if (name.empty() && containers.size() > 1) {
      std::string names;
      for (const auto& container : containers)
        names += (names.empty() ? "" : " ") + text(container, {"name"});
      return refuse(bad_request("a container name must be specified for pod " + route_.key.name +
                                ", choose one of: [" + names + "]"));
    }
    for (const auto& status : field(pod, {"status", "containerStatuses"}))
      if (name.empty() || text(status, {"name"}) == name) return status;
    return refuse(name.empty()
                      ? bad_request("pod " + route_.key.name + " does not have a host assigned")
                      : bad_request("container " + name + " is not valid for pod " + route_.key.name));
  }

  ApiAnswer container_access() const {
    const auto pod = store_.get(resource(), route_.key);
    if (resource() != k8s::kPods) return respond(not_found(info(), route_.key.name));
    if (!pod) return respond(pod.error());
    const auto status = container_status(**pod);
    if (!status) return respond(status.error());
    return route_.subresource == "log" ? log(*status) : exec(*status);
  }

  net::HttpResponse log(const json& status) const {
    const bool previous = is_true("previous");
    const std::string what =
        "container \"" + text(status, {"name"}) + "\" in pod \"" + route_.key.name + "\"";
    if (previous && integer(status, {"restartCount"}, 0) == 0)
      return respond(bad_request("previous terminated " + what + " not found"));
    if (!previous && text(status, {"containerID"}).empty())
      return respond(
          bad_request(what + " is waiting to start: " + text(status, {"state", "waiting", "reason"})));
    std::string content = containers_.log(route_.key, previous);
    const auto limit = parse_number(query("limitBytes"));
    if (!limit) return respond(limit.error());
    if (*limit != 0) content.resize(std::min<std::size_t>(content.size(), *limit));
    return respond(200, std::move(content), "text/plain");
  }

  ApiAnswer exec(const json& status) const {
    ExecStart exec;
    for (auto& [name, value] : parse_query(request_.query))
      if (name == "command") exec.command.push_back(std::move(value));
    if (exec.command.empty())
      return respond(bad_request("you must specify at least one command for the container"));
    if (field(status, {"state", "running"}).is_null())
      return respond(unclassified("container not found (\"" + text(status, {"name"}) + "\")"));
    return exec;
  }

  static constexpr DocumentLimits kLimits{.max_bytes = 4u << 20};

  ObjectStore& store_;
  const Containers& containers_;
  const net::ServerRequest& request_;
  const Route route_;
  WriteOptions options_;
};

json group_version(const k8s::Resource& resource) {
  return {{"groupVersion", resource.api_version()}, {"version", resource.version}};
}

json group_list() {
  json groups = json::array();
  std::set<std::string_view> seen{""};
  for (const ResourceInfo& info : all_resources()) {
    const k8s::Resource& resource = info.resource;
    if (!seen.insert(resource.group).second) continue;
    groups.push_back({{"name", resource.group},
                      {"versions", json::array({group_version(resource)})},
                      {"preferredVersion", group_version(resource)}});
  }
  return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}};
}

/// Empty where the group version is not served.
json resource_list(const std::string& api_version) {
  json resources = json::array();
  for (const ResourceInfo& info : all_resources()) {
    if (info.resource.api_version() != api_version) continue;
    std::string singular(info.resource.kind);
    std::transform(singular.begin(), singular.end(), singular.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    json entry{{"name", info.resource.plural},
               {"singularName", singular},
               {"namespaced", info.resource.namespaced},
               {"kind", info.resource.kind},
               {"verbs", {"create", "delete", "get", "list", "patch", "update", "watch"}}};
    if (!info.short_name.empty()) entry["shortNames"] = {info.short_name};
    resources.push_back(std::move(entry));
  }
  if (resources.empty()) return nullptr;
  return {{"kind", "APIResourceList"},
          {"apiVersion", "v1"},
          {"groupVersion", api_version},
          {"resources", std::move(resources)}};
}

/// Health, version and discovery; nothing where the path is something else.
std::optional<net::HttpResponse> answer_fixed(const std::string& path) {
  if (path == "/readyz" || path == "/healthz" || path == "/livez")
    return respond(200, std::string("ok"), "text/plain");
  if (path == "/version")
    return respond(200, json{{"major", "1"}, {"minor", "34"}, {"gitVersion", "v1.34.0+kintsugi-sandbox"}});
  if (path == "/api") return respond(200, json{{"kind", "APIVersions"}, {"versions", {"v1"}}});
  if (path == "/apis") return respond(200, group_list());
  const std::vector<std::string> parts = split_path(path);
  const bool core = parts.size() == 2 && parts[0] == "api";
  if (!core && !(parts.size() == 3 && parts[0] == "apis")) return std::nullopt;
  const json resources = resource_list(core ? parts[1] : parts[1] + "/" + parts[2]);
  return resources.is_null() ? respond(404, std::string("404 page not found\n"), "text/plain")
                             : respond(200, resources);
}

bool is_served_group(const std::vector<std::string>& parts) {
  if (parts.size() < 3 || (parts[0] != "api" && parts[0] != "apis")) return false;
  return !resource_list(parts[0] == "api" ? parts[1] : parts[1] + "/" + parts[2]).is_null();
}

}  // namespace

std::string url_decode(std::string_view text, bool query) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += query && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::string query_value(const std::string& query, std::string_view name) {
  for (auto& [key, value] : parse_query(query))
    if (key == name) return std::move(value);
  return {};
}

json shown(const Object& object, bool metadata_only) {
  if (!metadata_only) return *object;
  return {{"kind", "PartialObjectMetadata"},
          {"apiVersion", "meta.k8s.io/v1"},
          {"metadata", object->at("metadata")}};
}

ApiAnswer answer(ObjectStore& store, const Containers& containers, const net::ServerRequest& request) {
  if (auto fixed = answer_fixed(request.path)) return std::move(*fixed);
  const std::vector<std::string> parts = split_path(request.path);
  if (!is_served_group(parts)) return respond(404, std::string("404 page not found\n"), "text/plain");
  Route route = find_route(parts);
  if (route.info == nullptr) return respond(unknown_path());
  return Call(store, containers, request, std::move(route)).run();
}

}  // namespace kintsugi::sandbox
