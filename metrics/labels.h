// SPDX-License-Identifier: Apache-2.0
//
// The values that labels can have. They are closed lists: what is not in one counts as "other", so that no
// text from outside becomes a series.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace kintsugi::metrics {

inline constexpr std::string_view kOther = "other";

inline constexpr std::array<std::string_view, 5> kSourceValues{"falco", "generic", "alertmanager", "person",
                                                               kOther};

/// What became of a signal, in the words of the answers of POST /v1/signals/…; "invalid" is one that was
/// refused before it was understood, "ignored" what tells of nothing to do, "not-durable" one that could not
/// be kept and is to be sent again.
inline constexpr std::array<std::string_view, 17> kDispositionValues{
    "opened",      "joined",  "duplicate", "observed",     "no-playbook", "no-target",
    "unprotected", "gone",    "late",      "uid-mismatch", "not-unique",  "off",
    "refused",     "invalid", "ignored",   "not-durable",  kOther};

/// The ids of actions.
inline constexpr std::array<std::string_view, 7> kActionValues{
    "contain/isolate", "redeploy/pin", "redeploy/recreate", "redeploy/rebuild", "release/restore",
    "release/delete",  kOther};

/// The collectors of evidence.
inline constexpr std::array<std::string_view, 16> kEvidenceKindValues{
    "pod",        "owners",   "events",  "restarts", "logs",       "logs-previous", "processes", "sockets",
    "definition", "instance", "machine", "guest",    "screenshot", "memory",        "disks",     kOther};

/// The value itself, or "other".
template <std::size_t size>
std::string_view known_or_other(const std::array<std::string_view, size>& values, std::string_view value) {
  return std::find(values.begin(), values.end(), value) != values.end() ? value : kOther;
}

}  // namespace kintsugi::metrics
