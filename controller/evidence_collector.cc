// SPDX-License-Identifier: Apache-2.0
#include "controller/evidence_collector.h"

#include <nlohmann/json.hpp>

#include "controller/pod_evidence.h"

namespace kintsugi::controller {
namespace {

constexpr std::size_t kLogsAtOnce = 4;
constexpr const char* kPodSubject = "pod";

}  // namespace

EvidenceCollector::EvidenceCollector(evidence::Store* store, k8s::Client& client,
                                     const targets::PodTarget& target, metrics::Registry& metrics,
                                     const Clock& clock)
    : store_(store),
      client_(client),
      target_(target),
      metrics_(metrics),
      clock_(clock),
      log_slots_(kLogsAtOnce, clock) {}

Result<Collected> EvidenceCollector::collect(const Incident& incident, const CollectStep& step,
                                             MonotonicTime deadline, std::stop_token stop) {
  return collect(incident, kPodSubject, deadline, std::move(stop), [&](EvidenceSession& session) {
    PodEvidence(session, target_, incident.spec.target).take(step);
  });
}

Result<Collected> EvidenceCollector::collect(const Incident& incident, const std::string& subject,
                                             MonotonicTime deadline, std::stop_token stop,
                                             const EvidenceTaker& take) {
  if (store_ == nullptr) {
    return fail(make_error(ErrorCode::kUnsupported, "there is no evidence store")
                    .on("--evidence-dir")
                    .advise("give the controller a directory on a durable volume"));
  }
  if (auto finished = store_->find(incident.name)) {
    auto hash = store_->finish(*finished);
    if (!hash) return tl::unexpected(std::move(hash).error());
    return collected_of(*finished, *std::move(hash), *store_, subject);
  }
  EvidenceSession session({*store_, client_, metrics_, clock_, log_slots_}, incident, deadline, stop);
  take(session);
  if (stop.stop_requested()) {
    // A manifest would vouch for what was only cut short.
    return fail(make_error(ErrorCode::kCancelled, "the collection was stopped").on(incident.name));
  }
  session.manifest().created = clock_.now();
  auto hash = store_->finish(session.manifest());
  if (!hash) return tl::unexpected(std::move(hash).error());
  return collected_of(session.manifest(), *std::move(hash), *store_, subject);
}

}  // namespace kintsugi::controller
