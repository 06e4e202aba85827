// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "host/control/api_request.h"
#include "host/control/new_incident.h"
#include "incidents/ledger.h"
#include "incidents/store.h"
#include "net/http_server.h"

namespace kintsugi::host {

/// What the API is about. References must outlive it; functions must be thread-safe.
struct ControlWorld {
  incidents::IncidentStore& store;
  /// Writes `spec.hold`, `spec.approvals` and `spec.release` if the incident is still at its
  /// `resource_version`, else kConflict. Returns it as it is then.
  std::function<Result<Incident>(const Incident& incident)> update_decisions{};
  std::function<Result<std::vector<DomainEntry>>()> domains{};
  std::function<std::vector<std::string>()> playbooks{};         ///< names
  std::function<std::string(std::uint32_t uid)> name_of_user{};  ///< as kintsugi::user_name()
  /// What is left of incidents that were deleted, for the report. Empty: it is not served.
  std::function<Result<incidents::LedgerContents>()> ledger{};
  /// As incidents::SqliteDatabase::backup(). Empty: it is not served.
  std::function<Result<void>(const std::string& path)> backup{};
  const Clock& clock;
  std::uint32_t own_uid = 0;        ///< the user whom the process runs as
  std::string name_space = "host";  ///< where all incidents, playbooks and domains are said to be
};

/// The part of the Kubernetes API that the responder's command needs, on a host that has no API server:
///
///   GET, POST           /apis/kintsugi.dev/v1alpha1/namespaces/NS/incidents (GET also of all namespaces)
///   GET, PATCH, DELETE  /apis/kintsugi.dev/v1alpha1/namespaces/NS/incidents/NAME
///   GET                 /apis/kintsugi.dev/v1alpha1/namespaces/NS/playbooks[/NAME]: names only
///   GET                 /apis/host.kintsugi.dev/v1/domains[/NAME]
///   GET                 /apis/host.kintsugi.dev/v1/ledgerentries: each has a `record` or a `total`
///   POST                /apis/host.kintsugi.dev/v1/backups: a copy of the database at `spec.path`
///
/// Lists come whole, narrowed by a labelSelector; there is no watch. `dryRun=All` checks and changes nothing.
/// Root and the user of the process may do all of it, everybody else nothing. Who decides is whose process
/// has connected, as the kernel says, and not who the request names. Thread-safe; calls may take as long as
/// the store and the hypervisor do.
class ControlApi {
 public:
  explicit ControlApi(ControlWorld world) : world_(std::move(world)) {}

  /// The answer to whoever may ask nothing; for ServerOptions::admit.
  std::optional<net::HttpResponse> refusal_for(const net::ServerRequest& request) const;
  net::HttpResponse answer(const net::ServerRequest& request) const;

 private:
  struct Call;

  Answer<net::HttpResponse> run(const net::ServerRequest& request) const;
  Answer<net::HttpResponse> on_incidents(const Call& call) const;
  Answer<net::HttpResponse> on_incident(const Call& call) const;
  Answer<net::HttpResponse> on_playbooks(const Call& call) const;
  Answer<net::HttpResponse> on_domains(const Call& call) const;
  Answer<net::HttpResponse> on_ledger(const Call& call) const;
  Answer<net::HttpResponse> on_backups(const Call& call) const;
  Answer<net::HttpResponse> list_incidents(const Call& call) const;
  Answer<net::HttpResponse> create(const Call& call) const;
  Answer<net::HttpResponse> patch(const Call& call) const;
  Answer<net::HttpResponse> remove(const Call& call) const;
  Answer<Incident> find(const Call& call) const;
  Person person_of(const net::ServerRequest& request) const;

  const ControlWorld world_;
};

}  // namespace kintsugi::host
