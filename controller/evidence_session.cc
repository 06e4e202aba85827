// SPDX-License-Identifier: Apache-2.0
#include "controller/evidence_session.h"

#include <algorithm>

#include "base/escape.h"

namespace kintsugi::controller {
namespace {

constexpr std::chrono::milliseconds kMaxCall{10'000};

}  // namespace

EvidenceSession::EvidenceSession(const EvidenceTools& tools, const Incident& incident, MonotonicTime deadline,
                                 std::stop_token stop)
    : tools_(tools), incident_(incident), deadline_(deadline), stop_(std::move(stop)) {
  manifest_.incident = incident.name;
  manifest_.target = incident.spec.target.to_string();
}

std::chrono::milliseconds EvidenceSession::left(MonotonicTime deadline) const {
  const auto rest =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - tools_.clock.monotonic());
  return std::min(rest, kMaxCall);
}

Error EvidenceSession::late() {
  return make_error(ErrorCode::kTimeout, "the deadline had passed");
}

bool EvidenceSession::is_late(const std::string& collector) {
  if (left(deadline_).count() > 0) return false;
  failed(collector, late());
  return true;
}

k8s::CallOptions EvidenceSession::call(MonotonicTime deadline) const {
  k8s::CallOptions options;
  options.priority = net::Priority::kBackground;
  options.timeout = std::max(left(deadline), std::chrono::milliseconds(1));
  options.stop = stop_;
  return options;
}

void EvidenceSession::keep(const std::string& path, std::string_view content, const std::string& collector,
                           bool truncated) {
  auto kept = tools_.store.put(incident_.name, path, content, collector);
  if (!kept) return failed(collector, kept.error());
  tools_.metrics.count_evidence(collector, metrics::EvidenceResult::kStored, kept->bytes);
  kept->truncated = truncated;
  manifest_.files.push_back(std::move(*kept));
}

void EvidenceSession::failed(const std::string& collector, const Error& error) {
  tools_.metrics.count_evidence(collector.substr(0, collector.find('/')), metrics::EvidenceResult::kFailed,
                                0);
  manifest_.failures.push_back({collector, escape(error.to_string(), 512)});
}

}  // namespace kintsugi::controller
