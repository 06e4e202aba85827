// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kintsugi {

/// One change to the world inside a step, with its undo. Bodies are serialised JSON: hashed, shown and sent
/// unchanged.
struct Action {
  /// kInvoke: a PUT to a subresource that does something, such as a machine's "pause".
  enum class Kind : std::uint8_t { kPatch, kCreate, kDelete, kInvoke };

  std::string id;  ///< unique in its incident: "contain/patch-victim"
  Kind kind = Kind::kPatch;
  std::string resource;  ///< plural and group as the API says: "pods", "deployments.apps"; kInvoke: "…/pause"
  std::string name_space;
  std::string name;
  std::string uid;   ///< precondition; empty for kCreate
  std::string body;  ///< kPatch: RFC 6902; kCreate: the object; kInvoke: the options; kDelete: empty
  std::string undo;  ///< kPatch: the patch that takes it back; kInvoke: what was before; otherwise empty
  std::string description;  ///< for people: "isolate pod shop/web-1"
  bool operator==(const Action&) const = default;
};

std::string_view to_string(Action::Kind kind);

/// An action as it is remembered in the incident, written before the first change.
struct JournalEntry {
  enum class State : std::uint8_t { kPlanned, kApplied, kUndone, kAbandoned };

  Action action;
  State state = State::kPlanned;
  std::string note;  ///< why it was abandoned or could not be undone
  bool operator==(const JournalEntry&) const = default;
};

std::string_view to_string(JournalEntry::State state);

/// What a step would do; a dry run prints this and stops.
using Plan = std::vector<Action>;

}  // namespace kintsugi
