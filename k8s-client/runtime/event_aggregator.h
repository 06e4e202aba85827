// SPDX-License-Identifier: Apache-2.0
//
// What is written to the Events API (events.k8s.io/v1) for what happens, as a pure function of it (K9):
// repeats of an event become a series that is written twice at first and then rarely. event_recorder.h does
// the I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "k8s-client/core/resource.h"

namespace kintsugi::k8s {

struct ObjectReference {
  std::string api_version;
  std::string kind;
  ObjectKey key;
  std::string uid;
  auto operator<=>(const ObjectReference&) const = default;
};

enum class EventType : std::uint8_t { kNormal, kWarning };

/// Something that people should see with `kubectl events`. Best effort: the audit trail is elsewhere (K9.5).
struct EventNote {
  EventType type = EventType::kNormal;
  std::string action;  ///< what was done: "Isolate"; CamelCase
  std::string reason;  ///< why this event: "Isolated"; CamelCase
  std::string note;    ///< for people; may contain untrusted text, is escaped and cut to 1024 bytes
  ObjectReference regarding;
  std::optional<ObjectReference> related{};
};

/// One request to the Events API.
struct EventWrite {
  bool is_patch = false;
  ObjectKey key;            ///< of the Event
  std::string patch;        ///< RFC 6902, where is_patch
  std::string whole_event;  ///< what to create; for a patch, in case the Event has expired meanwhile
};

/// Not thread-safe.
class EventAggregator {
 public:
  /// `controller` and `instance` say who reports: "kintsugi.dev/controller", the pod's name.
  EventAggregator(std::string controller, const std::string& instance);

  /// The write that `note` needs now, if any: its first occurrence is created, the second makes it a series,
  /// further ones are counted (K9.2).
  std::optional<EventWrite> record(const EventNote& note, WallTime stamp, MonotonicTime now);
  /// Counts that have not been written for 30 minutes, and the last counts of series that were silent for 6
  /// (K9.2). To be called about once a minute.
  std::vector<EventWrite> sweep(MonotonicTime now);
  std::size_t size() const { return series_.size(); }

 private:
  /// K9.1; the reporter is constant. Notes may differ between repeats, the first one stays.
  using Key =
      std::tuple<EventType, std::string, std::string, ObjectReference, std::optional<ObjectReference>>;
  struct Series {
    EventNote first;
    ObjectKey event;
    WallTime first_stamp;
    WallTime last_stamp;
    MonotonicTime last_seen;
    MonotonicTime last_written;
    std::int64_t count = 1;
    std::int64_t written_count = 1;
  };

  ObjectKey name_event(const ObjectReference& regarding, WallTime stamp);
  EventWrite write(Series& series, MonotonicTime now);
  std::string whole_event(const Series& series) const;

  const std::string controller_;
  const std::string instance_;
  std::map<Key, Series> series_;
  std::int64_t last_name_stamp_ = 0;
};

}  // namespace kintsugi::k8s
