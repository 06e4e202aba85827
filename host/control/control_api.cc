// SPDX-License-Identifier: Apache-2.0
#include "host/control/control_api.h"

#include <algorithm>
#include <climits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/label_selector_text.h"
#include "host/control/incident_object.h"
#include "model/incident_json.h"

namespace kintsugi::host {
namespace {

using net::HttpResponse;
using nlohmann::json;

/// Each further try means that somebody decided or the controller wrote in between.
constexpr int kMaxTries = 8;
constexpr std::chrono::milliseconds kCreateTimeout{5000};
constexpr const char* kHostApiVersion = "host.kintsugi.dev/v1";

Refusal wrong_method(const std::string& what) {
  return method_not_allowed("the server does not allow this method on " + what);
}

HttpResponse list_of(const std::string& kind, const std::string& api_version, json items) {
  return respond(200, {{"kind", kind + "List"},
                       {"apiVersion", api_version},
                       {"metadata", json::object()},
                       {"items", std::move(items)}});
}

json playbook_object(const std::string& name, const std::string& name_space) {
  return {{"apiVersion", kApiVersion},
          {"kind", "Playbook"},
          {"metadata", {{"name", name}, {"namespace", name_space}}}};
}

json domain_object(const DomainEntry& domain) {
  return {{"apiVersion", kHostApiVersion},
          {"kind", "Domain"},
          {"metadata", {{"name", domain.name}, {"uid", domain.uuid}}},
          {"spec", {{"protected", domain.is_protected}}},
          {"status", {{"active", domain.is_active}}}};
}

/// What a DELETE asks for beside the deletion; nothing of it is required.
struct DeleteOptions {
  std::string uid;
  std::string resource_version;
  bool dry_run = false;
};

Answer<DeleteOptions> read_delete_options(const net::ServerRequest& request, const Query& query) {
  DeleteOptions options;
  const auto dry_run = is_dry_run(query);
  if (!dry_run) return refuse(dry_run.error());
  options.dry_run = *dry_run;
  if (request.body.empty()) return options;
  const auto body = read_body(request, "application/json");
  if (!body) return refuse(body.error());
  if (!body->is_object()) return refuse(bad_request("the body must be an object"));
  if (const auto all = body->find("dryRun"); all != body->end() && !all->empty()) {
    if (*all != json::array({"All"})) return refuse(bad_request("dryRun must be [\"All\"]"));
    options.dry_run = true;
  }
  const json preconditions = body->value("preconditions", json::object());
  for (const auto& [key, out] :
       {std::pair{"uid", &options.uid}, std::pair{"resourceVersion", &options.resource_version}}) {
    const json value = preconditions.is_object() ? preconditions.value(key, json("")) : json();
    if (!value.is_string()) return refuse(bad_request("the preconditions must be strings"));
    *out = value.get<std::string>();
  }
  return options;
}

/// Where the controller is to write: it has another working directory than whoever asks.
Answer<std::string> backup_path(const json& body) {
  const auto spec = body.find("spec");
  const bool has_path = spec != body.end() && spec->is_object() && spec->contains("path");
  if (!has_path || !(*spec)["path"].is_string())
    return refuse(bad_request("spec.path, a text, says where to"));
  auto path = (*spec)["path"].get<std::string>();
  if (path.size() >= PATH_MAX || !path.starts_with('/') || path.find('\0') != std::string::npos)
    return refuse(bad_request("spec.path must be an absolute path"));
  return path;
}

bool decides_the_same(const Incident& left, const Incident& right, const std::string& name_space) {
  return to_object(left, name_space)["spec"] == to_object(right, name_space)["spec"];
}

}  // namespace

struct ControlApi::Call {
  const net::ServerRequest& request;
  Route route;
  Query query;

  const std::string& method() const { return request.method; }
  std::string what() const { return describe(kIncidentResource, route.name); }
};

std::optional<HttpResponse> ControlApi::refusal_for(const net::ServerRequest& request) const {
  if (request.peer_uid && (*request.peer_uid == 0 || *request.peer_uid == world_.own_uid))
    return std::nullopt;
  return respond(forbidden("only root and the user whom the controller runs as may use this socket"));
}

HttpResponse ControlApi::answer(const net::ServerRequest& request) const {
  if (auto refused = refusal_for(request)) return std::move(*refused);
  auto response = run(request);
  return response ? std::move(*response) : respond(response.error());
}

Answer<HttpResponse> ControlApi::run(const net::ServerRequest& request) const {
  auto route = read_route(request.path);
  if (!route) return refuse(std::move(route).error());
  auto query = read_query(request.query);
  if (!query) return refuse(std::move(query).error());
  const Call call{request, std::move(*route), std::move(*query)};
  switch (call.route.collection) {
    case Collection::kIncidents: return call.route.name.empty() ? on_incidents(call) : on_incident(call);
    case Collection::kPlaybooks: return on_playbooks(call);
    case Collection::kDomains: return on_domains(call);
    case Collection::kLedgerEntries: return on_ledger(call);
    case Collection::kBackups: return on_backups(call);
  }
  return refuse(not_served());
}

Answer<HttpResponse> ControlApi::on_incidents(const Call& call) const {
  if (call.method() == "GET") return list_incidents(call);
  if (call.method() == "POST" && !call.route.name_space.empty()) return create(call);
  return refuse(wrong_method("a collection of incidents"));
}

Answer<HttpResponse> ControlApi::on_incident(const Call& call) const {
  if (call.method() == "PATCH") return patch(call);
  if (call.method() == "DELETE") return remove(call);
  if (call.method() != "GET") return refuse(wrong_method("an incident"));
  const auto incident = find(call);
  if (!incident) return refuse(incident.error());
  return respond(200, to_object(*incident, world_.name_space));
}

Answer<HttpResponse> ControlApi::on_playbooks(const Call& call) const {
  if (call.method() != "GET") return refuse(wrong_method("playbooks: they are files of this host"));
  const bool is_here = call.route.name_space.empty() || call.route.name_space == world_.name_space;
  json items = json::array();
  for (const std::string& name : is_here ? world_.playbooks() : std::vector<std::string>()) {
    if (call.route.name.empty()) items.push_back(playbook_object(name, world_.name_space));
    if (call.route.name == name) return respond(200, playbook_object(name, world_.name_space));
  }
  if (!call.route.name.empty()) return refuse(not_found(describe("playbooks.kintsugi.dev", call.route.name)));
  return list_of("Playbook", std::string(kApiVersion), std::move(items));
}

Answer<HttpResponse> ControlApi::on_domains(const Call& call) const {
  if (call.method() != "GET") return refuse(wrong_method("domains"));
  const std::string what = describe("domains.host.kintsugi.dev", call.route.name);
  const auto domains = world_.domains();
  if (!domains) return refuse(refusal_of(domains.error(), what));
  json items = json::array();
  for (const DomainEntry& domain : *domains) {
    if (call.route.name.empty()) items.push_back(domain_object(domain));
    if (call.route.name == domain.name) return respond(200, domain_object(domain));
  }
  if (!call.route.name.empty()) return refuse(not_found(what));
  return list_of("Domain", kHostApiVersion, std::move(items));
}

Answer<HttpResponse> ControlApi::on_ledger(const Call& call) const {
  if (call.method() != "GET") return refuse(wrong_method("the ledger"));
  if (!world_.ledger || !call.route.name.empty()) return refuse(not_served());
  const auto contents = world_.ledger();
  if (!contents) return refuse(refusal_of(contents.error(), "the ledger"));
  json items = json::array();
  for (const incidents::LedgerRecord& record : contents->records)
    items.push_back({{"record", incidents::to_text(record)}});
  for (const std::string& total : contents->totals) items.push_back({{"total", total}});
  return list_of("LedgerEntry", kHostApiVersion, std::move(items));
}

Answer<HttpResponse> ControlApi::on_backups(const Call& call) const {
  if (!world_.backup || !call.route.name.empty()) return refuse(not_served());
  if (call.method() != "POST") return refuse(wrong_method("backups"));
  const auto dry_run = is_dry_run(call.query);
  if (!dry_run) return refuse(dry_run.error());
  if (*dry_run) return refuse(bad_request("a backup cannot be tried without being made"));
  const auto body = read_body(call.request, "application/json");
  if (!body) return refuse(body.error());
  const auto path = backup_path(*body);
  if (!path) return refuse(path.error());
  const std::string what = describe("backups.host.kintsugi.dev", *path);
  if (const auto made = world_.backup(*path); !made) return refuse(refusal_of(made.error(), what));
  return respond(201, {{"apiVersion", kHostApiVersion}, {"kind", "Backup"}, {"spec", {{"path", *path}}}});
}

Answer<HttpResponse> ControlApi::list_incidents(const Call& call) const {
  const auto parameter = [&](const char* key) {
    const auto found = call.query.find(key);
    return found == call.query.end() ? std::string() : found->second;
  };
  if (const std::string watch = parameter("watch"); watch == "true" || watch == "1")
    return refuse(method_not_allowed("incidents of a host cannot be watched; list them again and again"));
  if (!parameter("fieldSelector").empty()) return refuse(bad_request("field selectors are not supported"));
  const auto selector = parse_label_selector(parameter("labelSelector"));
  if (!selector) return refuse(bad_request(selector.error().to_string()));
  const bool is_here = call.route.name_space.empty() || call.route.name_space == world_.name_space;
  auto incidents = is_here ? world_.store.list() : std::vector<incidents::IncidentStore::Pointer>();
  std::sort(incidents.begin(), incidents.end(),
            [](const auto& left, const auto& right) { return left->name < right->name; });
  json items = json::array();
  for (const auto& incident : incidents) {
    if (selector->matches(labels_of(*incident))) items.push_back(to_object(*incident, world_.name_space));
  }
  return list_of("Incident", std::string(kApiVersion), std::move(items));
}

Answer<Incident> ControlApi::find(const Call& call) const {
  if (call.route.name_space != world_.name_space) return refuse(not_found(call.what()));
  auto incident = world_.store.get(call.route.name);
  if (!incident) return refuse(refusal_of(incident.error(), call.what()));
  return std::move(*incident);
}

Answer<HttpResponse> ControlApi::create(const Call& call) const {
  if (call.route.name_space != world_.name_space)
    return refuse(not_found(describe("namespaces", call.route.name_space)));
  const auto dry_run = is_dry_run(call.query);
  if (!dry_run) return refuse(dry_run.error());
  const auto body = read_body(call.request, "application/json");
  if (!body) return refuse(body.error());
  auto domains = world_.domains();
  if (!domains) return refuse(refusal_of(domains.error(), "domains"));
  const auto incident = read_new_incident(*body, {world_.name_space, std::move(*domains), world_.playbooks()},
                                          person_of(call.request));
  if (!incident) return refuse(incident.error());
  const std::string what = describe(kIncidentResource, incident->name);
  if (*dry_run) {
    if (world_.store.get(incident->name))
      return refuse(refusal_of(make_error(ErrorCode::kAlreadyExists, ""), what));
    return respond(201, to_object(*incident, world_.name_space));
  }
  const auto created = world_.store.create(*incident, kCreateTimeout);
  if (!created) return refuse(refusal_of(created.error(), what));
  return respond(201, to_object(*created, world_.name_space));
}

Answer<HttpResponse> ControlApi::patch(const Call& call) const {
  const auto dry_run = is_dry_run(call.query);
  if (!dry_run) return refuse(dry_run.error());
  const auto body = read_body(call.request, "application/json-patch+json");
  if (!body) return refuse(body.error());
  const Person person = person_of(call.request);
  // Like an API server, on the newest version there is: what must not have changed meanwhile, a patch tests.
  for (int attempt = 0; attempt < kMaxTries; ++attempt) {
    const auto incident = find(call);
    if (!incident) return refuse(incident.error());
    const auto decided = apply_decisions(*incident, world_.name_space, call.request.body, person);
    if (!decided) return refuse(decided.error());
    if (*dry_run || decides_the_same(*incident, *decided, world_.name_space))
      return respond(200, to_object(*decided, world_.name_space));
    const auto written = world_.update_decisions(*decided);
    if (written) return respond(200, to_object(*written, world_.name_space));
    if (written.error().code != ErrorCode::kConflict) return refuse(refusal_of(written.error(), call.what()));
  }
  return refuse(modified(call.what()));
}

Answer<HttpResponse> ControlApi::remove(const Call& call) const {
  const auto options = read_delete_options(call.request, call.query);
  if (!options) return refuse(options.error());
  const auto incident = find(call);
  if (!incident) return refuse(incident.error());
  const bool is_same = options->uid.empty() || options->uid == incident->uid;
  const bool is_unchanged =
      options->resource_version.empty() || options->resource_version == incident->resource_version;
  if (!is_same || !is_unchanged) return refuse(modified(call.what()));
  if (!incident->is_over()) return refuse(forbidden(call.what() + " is not over; release it first"));
  if (options->dry_run) return respond_success();
  const auto removed = world_.store.remove(*incident);
  if (!removed) return refuse(refusal_of(removed.error(), call.what()));
  return respond_success();
}

Person ControlApi::person_of(const net::ServerRequest& request) const {
  return {world_.name_of_user(request.peer_uid.value_or(world_.own_uid)), world_.clock.now()};
}

}  // namespace kintsugi::host
