// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "admission/guarded_namespaces.h"
#include "admission/serving_certificates.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "controller/admission_endpoint.h"
#include "controller/settings.h"
#include "incidents/store.h"
#include "k8s-client/client/client.h"
#include "metrics/registry.h"
#include "net/http_server.h"
#include "targets/kubernetes/cluster_cache.h"

namespace kintsugi::controller {

class PlaybookBook;

/// The admission check as a part of the process: serves it, keeps its certificates, and tells the API server
/// which namespaces to ask about. Every replica serves; the leader keeps the configuration and renews.
/// Nothing else in the process waits for it.
class Admission {
 public:
  /// References must outlive this object.
  Admission(const Settings& settings, k8s::Client& client, const incidents::IncidentStore& store,
            const targets::ClusterCache& cache, const PlaybookBook& book, AdmissionEndpoint::Judge judge,
            metrics::Registry& metrics, const Clock& clock, Logger& log);

  /// Serves until `stop`; what goes wrong is logged and tried again. `leads` says whether this replica does.
  /// From then on the API server does what each namespace asks for.
  void run(const std::stop_token& stop, const std::function<bool()>& leads);

 private:
  enum class Renewal : std::uint8_t { kWhereNoneCanBeServed, kWhenDue };

  Result<void> serve();
  void refresh(bool leads);
  void tell(const char* what, const Result<void>& outcome, std::string& told);
  std::vector<std::string> names() const;
  Result<void> sync_certificates(Renewal renewal);
  void serve_current();
  admission::GuardedNamespaces find_guarded() const;
  void warn_of_labels(const admission::GuardedNamespaces& guarded);
  Result<void> sync_configuration(const admission::GuardedNamespaces& guarded);

  const Settings& settings_;
  k8s::Client& client_;
  const incidents::IncidentStore& store_;
  const targets::ClusterCache& cache_;
  const PlaybookBook& book_;
  const Clock& clock_;
  Logger& log_;
  AdmissionEndpoint endpoint_;
  admission::ServingCertificates certificates_;
  std::string served_;  ///< the certificate that the server has
  std::string bundle_;  ///< what the configuration was last written with
  admission::GuardedNamespaces guarded_;
  MonotonicTime next_certificates_{}, next_configuration_{};
  std::string certificate_trouble_, configuration_trouble_;  ///< as they were logged last
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace kintsugi::controller
