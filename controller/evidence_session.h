// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "controller/slots.h"
#include "evidence/store.h"
#include "k8s-client/client/client.h"
#include "metrics/registry.h"
#include "model/incident.h"

namespace kintsugi::controller {

/// What collections are made with. Only references.
struct EvidenceTools {
  evidence::Store& store;
  k8s::Client& client;
  metrics::Registry& metrics;
  const Clock& clock;
  Slots& log_slots;  ///< a log is in memory while it is cut to its newest part
};

/// One collection, whatever it is about: what was kept so far, what failed, and until when it may go on. For
/// one thread.
class EvidenceSession {
 public:
  /// All references must outlive the session.
  EvidenceSession(const EvidenceTools& tools, const Incident& incident, MonotonicTime deadline,
                  std::stop_token stop);

  const Incident& incident() const { return incident_; }
  k8s::Client& client() const { return tools_.client; }
  const Clock& clock() const { return tools_.clock; }
  Slots& log_slots() const { return tools_.log_slots; }
  MonotonicTime deadline() const { return deadline_; }
  const std::stop_token& stop() const { return stop_; }
  evidence::Manifest& manifest() { return manifest_; }

  /// Stores bytes under a path of the incident; what cannot be stored is a failure of the collector.
  void keep(const std::string& path, std::string_view content, const std::string& collector,
            bool truncated = false);
  /// Records that a collector came back with nothing, or cut short.
  void failed(const std::string& collector, const Error& error);
  /// Records a collector that has no time left.
  bool is_late(const std::string& collector);

  /// What a call may take that has to be done by `deadline`; at most ten seconds.
  std::chrono::milliseconds left(MonotonicTime deadline) const;
  k8s::CallOptions call(MonotonicTime deadline) const;
  static Error late();

 private:
  const EvidenceTools tools_;
  const Incident& incident_;
  const MonotonicTime deadline_;
  const std::stop_token stop_;
  evidence::Manifest manifest_;
};

}  // namespace kintsugi::controller
