// SPDX-License-Identifier: Apache-2.0
#include "sandbox/api.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/document.h"
#include "base/kubernetes_name.h"
#include "k8s-client/core/patch.h"
#include "sandbox/containers.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

constexpr DocumentLimits kLimits{.max_bytes = 4u << 20};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream rest(text);
  for (std::string part; std::getline(rest, part, separator);) parts.push_back(std::move(part));
  return parts;
}

/// "a%20b" is "a b". Malformed escapes stay as they are.
std::string url_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const char* digits = text.data() + i + 1;
    const bool escaped = text[i] == '%' && i + 2 < text.size() &&
                         std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
    decoded += escaped ? static_cast<char>(byte) : text[i];
    if (escaped) i += 2;
  }
  return decoded;
}

using Query = std::multimap<std::string, std::string, std::less<>>;

Query parse_query(std::string text) {
  Query query;
  std::replace(text.begin(), text.end(), '+', ' ');
  for (const std::string& part : split(text, '&')) {
    const std::size_t equals = std::min(part.find('='), part.size());
    query.emplace(url_decode(part.substr(0, equals)),
                  url_decode(part.substr(std::min(equals + 1, part.size()))));
  }
  return query;
}

/// What a path is about.
struct Route {
  const ResourceInfo* info = nullptr;
  k8s::ObjectKey key;  ///< an empty name: the collection
  std::string subresource;
};

/// Reads /api/VERSION/… and /apis/GROUP/VERSION/…, then
/// [/namespaces/NAMESPACE]/RESOURCE[/NAME[/SUBRESOURCE]]. Nothing where that is not served.
std::optional<Route> find_route(const std::string& path) {
  enum { kRoot = 1, kGroup, kVersion, kNamespaces, kNamespace, kResource, kName, kSubresource, kParts };
  std::vector<std::string> parts = split(path, '/');
  if (parts.size() <= kVersion || (parts[kRoot] != "api" && parts[kRoot] != "apis")) return std::nullopt;
  // The core group has no name, and a namespace may be left out: both are empty from here on.
  if (parts[kRoot] == "api") parts.insert(parts.begin() + kGroup, "");
  const bool scoped = parts.size() > kResource && parts[kNamespaces] == "namespaces";
  if (!scoped) parts.insert(parts.begin() + kNamespaces, 2, "");
  if (parts.size() > kParts) return std::nullopt;
  parts.resize(kParts);
  const ResourceInfo* info = find_resource(parts[kGroup], parts[kVersion], parts[kResource]);
  if (info == nullptr) return std::nullopt;
  Route route{info, {url_decode(parts[kNamespace]), url_decode(parts[kName])}, parts[kSubresource]};
  const bool scope_fits = info->resource.namespaced ? scoped || route.key.name.empty() : !scoped;
  return scope_fits ? std::optional(std::move(route)) : std::nullopt;
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
  return respond(refusal.code, refusal.to_json());
}

net::HttpResponse respond(int status, const Answer<Object>& object) {
  return object ? respond(status, **object) : respond(object.error());
}

Refusal not_served() {
  return {404, "NotFound", "the server could not find the requested resource"};
}

Answer<std::uint64_t> parse_number(const std::string& text) {
  std::uint64_t number = 0;
  if (text.empty()) return number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return refuse(bad_request("parsing \"" + text + "\": invalid syntax"));
}

/// "a=b,c=d". The API has more forms, which nobody here asks for.
Answer<Labels> parse_equalities(const std::string& text) {
  Labels labels;
  for (const std::string& part : split(text, ',')) {
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string key = part.substr(0, equals);
    const std::string value = part.substr(std::min(equals + 1, part.size()));
    if (equals == part.size() || !is_label_key(key) || !is_label_value(value))
      return refuse(bad_request("unable to parse requirement: '" + part + "' is not of the form KEY=VALUE"));
    labels[key] = value;
  }
  return labels;
}

/// One request on its way to the store.
class Call {
 public:
  Call(ObjectStore& store, const net::ServerRequest& request, Route route)
      : store_(store), request_(request), query_(parse_query(request.query)), route_(std::move(route)) {}

  ApiAnswer run() {
    const std::string& subresource = route_.subresource;
    const bool of_container = resource() == k8s::kPods && (subresource == "log" || subresource == "exec");
    if (of_container) return container_access();
    const bool status = subresource == "status" && route_.info->has_status;
    if (!subresource.empty() && !status) return respond(not_served());
    const std::string dry_run = query("dryRun");
    if (!dry_run.empty() && dry_run != "All")
      return respond(bad_request("dryRun: Unsupported value: " + dry_run));
    options_ = {.dry_run = !dry_run.empty(), .status = status};
    return route_.key.name.empty() ? on_collection() : on_object();
  }

 private:
  const k8s::Resource& resource() const { return route_.info->resource; }
  std::string query(std::string_view name) const {
    const auto found = query_.find(name);
    return found == query_.end() ? std::string() : found->second;
  }
  bool is_true(std::string_view name) const { return query(name) == "true" || query(name) == "1"; }

  ApiAnswer on_collection() const {
    const bool may_create = !resource().namespaced || !route_.key.name_space.empty();
    if (request_.method == "GET") return list_or_watch();
    if (request_.method == "POST" && may_create) return create();
    return method_not_allowed();
  }

  net::HttpResponse on_object() const {
    if (request_.method == "GET") return respond(200, store_.get(resource(), route_.key));
    if (request_.method == "PUT") return update();
    if (request_.method == "PATCH") return patch();
    if (request_.method == "DELETE" && !options_.status) return remove();
    return method_not_allowed();
  }

  static net::HttpResponse method_not_allowed() {
    return respond(
        {405, "MethodNotAllowed", "the server does not allow this method on the requested resource"});
  }

  Answer<Selection> selection() const {
    auto labels = parse_equalities(query("labelSelector"));
    if (!labels) return refuse(labels.error());
    auto fields = parse_equalities(query("fieldSelector"));
    if (!fields) return refuse(fields.error());
    for (const auto& [name, value] : *fields)
      if (name != "metadata.name" && !(resource() == k8s::kCoreEvents && name == "involvedObject.uid"))
        return refuse(bad_request("field label not supported: " + name));
    return Selection{route_.key.name_space, std::move(*labels), std::move(*fields)};
  }

  ApiAnswer list_or_watch() const {
    auto selected = selection();
    if (!selected) return respond(selected.error());
    if (!is_true("watch")) return list(*selected);
    const auto version = parse_number(query("resourceVersion"));
    const auto timeout = parse_number(query("timeoutSeconds"));
    if (!version || !timeout) return respond(version ? timeout.error() : version.error());
    WatchStart watch{resource(), std::move(*selected), std::nullopt};
    if (*version != 0) watch.since = *version;
    if (*timeout != 0) watch.timeout = std::chrono::seconds(std::min<std::uint64_t>(*timeout, 86'400));
    watch.bookmarks = is_true("allowWatchBookmarks");
    return watch;
  }

  net::HttpResponse list(const Selection& selected) const {
    const Listing listing = store_.list(resource(), selected);
    json items = json::array();
    for (const Object& object : listing.objects) items.push_back(*object);
    return respond(200, {{"kind", std::string(resource().kind) + "List"},
                         {"apiVersion", resource().api_version()},
                         {"metadata", {{"resourceVersion", std::to_string(listing.version)}}},
                         {"items", std::move(items)}});
  }

  /// The body, of this content type, or the refusal that the API server has for it.
  Answer<json> body(const std::string& wanted_type, json::value_t wanted) const {
    const std::string* type = request_.headers.find("Content-Type");
    if (type != nullptr && !type->starts_with(wanted_type))
      return refuse({415, "UnsupportedMediaType",
                     "the body of the request was in an unknown format - accepted media types include: " +
                         wanted_type});
    auto document = parse_json(request_.body, kLimits);
    if (!document) return refuse(bad_request("the body cannot be read: " + document.error().to_string()));
    if (document->type() == wanted) return std::move(*document);
    return refuse(bad_request("the body is of the wrong type: " + std::string(document->type_name())));
  }

  net::HttpResponse create() const {
    auto object = body("application/json", json::value_t::object);
    if (!object) return respond(object.error());
    return respond(201, store_.create(resource(), route_.key.name_space, std::move(*object), options_));
  }

  net::HttpResponse update() const {
    auto object = body("application/json", json::value_t::object);
    if (!object) return respond(object.error());
    return respond(200, store_.replace(resource(), route_.key, std::move(*object), options_));
  }

  net::HttpResponse patch() const {
    const auto operations = body("application/json-patch+json", json::value_t::array);
    if (!operations) return respond(operations.error());
    bool applied = true;
    const Edit edit = [&](json& object) {
      auto patched = k8s::apply_json_patch(object, request_.body);
      applied = patched && patched->is_object();
      if (applied) object = std::move(*patched);
    };
    const auto written = store_.edit(resource(), route_.key, edit, options_);
    if (applied) return respond(200, written);
    return respond({422, "Invalid", "the server rejected our request due to an error in our request"});
  }

  net::HttpResponse remove() const {
    auto asked = request_.body.empty() ? Answer<json>(json::object())
                                       : body("application/json", json::value_t::object);
    if (!asked) return respond(asked.error());
    const json& dry_run = field(*asked, {"dryRun"});
    DeleteOptions options{.uid = text(*asked, {"preconditions", "uid"}),
                          .resource_version = text(*asked, {"preconditions", "resourceVersion"}),
                          .dry_run = options_.dry_run || !dry_run.empty()};
    const json& grace = field(*asked, {"gracePeriodSeconds"});
    if (grace.is_number_integer()) options.grace_seconds = grace.get<std::int64_t>();
    return respond(200, store_.remove(resource(), route_.key, options));
  }

  ApiAnswer container_access() const {
    const auto pod = store_.get(resource(), route_.key);
    if (!pod) return respond(pod.error());
    const std::string name = query("container");
    for (const json& status : field(**pod, {"status", "containerStatuses"}))
      if (text(status, {"name"}) == name) return route_.subresource == "log" ? log(status) : exec(status);
    return respond(bad_request("container " + name + " is not valid for pod " + route_.key.name));
  }

  net::HttpResponse log(const json& status) const {
    const bool previous = is_true("previous");
    const std::string what = "container \"" + query("container") + "\" in pod \"" + route_.key.name + "\"";
    if (previous && integer(status, {"restartCount"}, 0) == 0)
      return respond(bad_request("previous terminated " + what + " not found"));
    if (!previous && text(status, {"containerID"}).empty())
      return respond(bad_request(what + " is waiting to start"));
    return respond(200, container_log(previous), "text/plain");
  }

  ApiAnswer exec(const json& status) const {
    ExecStart exec;
    const auto [first, last] = query_.equal_range("command");
    for (auto word = first; word != last; ++word) exec.command.push_back(word->second);
    if (exec.command.empty())
      return respond(bad_request("you must specify at least one command for the container"));
    if (field(status, {"state", "running"}).is_null())
      return respond({500, "", "container not found (\"" + query("container") + "\")"});
    return exec;
  }

  ObjectStore& store_;
  const net::ServerRequest& request_;
  const Query query_;
  const Route route_;
  WriteOptions options_;
};

}  // namespace

ApiAnswer answer(ObjectStore& store, const net::ServerRequest& request) {
  auto route = find_route(request.path);
  if (!route) return respond(not_served());
  return Call(store, request, std::move(*route)).run();
}

}  // namespace kintsugi::sandbox
