// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/incident.h"

namespace kintsugi::cli {

/// What happened, entry by entry, in UTC and counted from the detection, and how long each phase took. Pure.
std::string timeline_as_table(const Incident& incident, bool with_titles, bool colour);
/// For a ticket or a post-mortem.
std::string timeline_as_markdown(const Incident& incident);
/// {"incident", "entries": [{"time", "sinceDetectedSeconds", "actor", "message"}], "phases": [{"phase",
/// "seconds"}]}
std::string timeline_as_json(const Incident& incident);

}  // namespace kintsugi::cli
