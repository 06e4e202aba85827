// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/incident_work.h"
#include "k8s-client/runtime/event_recorder.h"

namespace kintsugi::controller {

/// Announces as `events.k8s.io/v1` events about the Incident. Thread-safe.
class EventAnnouncer final : public Announcer {
 public:
  /// `recorder` must outlive this object.
  explicit EventAnnouncer(k8s::EventRecorder& recorder) : recorder_(recorder) {}

  void announce(const Incident& incident, bool is_warning, std::string_view reason,
                std::string_view message) override;

 private:
  k8s::EventRecorder& recorder_;
};

}  // namespace kintsugi::controller
