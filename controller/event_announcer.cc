// SPDX-License-Identifier: Apache-2.0
#include "controller/event_announcer.h"

namespace kintsugi::controller {

void EventAnnouncer::announce(const Incident& incident, bool is_warning, std::string_view reason,
                              std::string_view message) {
  k8s::EventNote note;
  note.regarding = {"kintsugi.dev/v1alpha1", "Incident", {incident.name_space, incident.name}, incident.uid};
  note.type = is_warning ? k8s::EventType::kWarning : k8s::EventType::kNormal;
  note.reason = reason;
  note.action = "Recover";
  note.note = message;
  recorder_.record(std::move(note));
}

}  // namespace kintsugi::controller
