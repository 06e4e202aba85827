// SPDX-License-Identifier: Apache-2.0
//
// Reads Playbook resources (kintsugi.dev/v1alpha1), strictly: an unknown key, a wrong type, a value out of
// range and an impossible combination are all errors, and all of a document are reported.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"
#include "base/result.h"
#include "base/strict_reader.h"
#include "model/playbook.h"

namespace kintsugi::playbooks {

inline constexpr std::string_view kApiVersion = "kintsugi.dev/v1alpha1";

/// The sources that `spec.signals[].source` may name: those with a decoder.
inline constexpr std::array<std::string_view, 3> kKnownSources{"falco", "generic", "alertmanager"};

/// Reads one Playbook, from a file or from the API (metadata and status that the server writes are accepted).
/// Nothing where `problems` got any.
///
///   signals   at least one; rules are globs (`*`, `?`), tags must all be present
///   mode      observe (default), contain-only, full
///   targets   namespaceSelector, podSelector
///   guards    maxTargetsPerWorkload, maxTargetsPerMinute: from 1; maxUnavailable: from 1, or "1%" to "100%"
///   steps     each verb at most once, in the order contain, collect, redeploy, verify, release; all but
///   collect
///             need contain, and verify needs redeploy; modes contain-only and full need a step
std::optional<Playbook> read_playbook(const Node& document, ProblemList& problems);

/// What was usable of one or more files, and what was wrong with the rest.
struct PlaybookSet {
  std::vector<Playbook> playbooks;
  std::vector<Problem> problems;
};

/// Reads the YAML documents of one file's text; `source` names it in problems. Documents of the kind
/// TrustPolicy are left to their own loader. A wrong document loses only itself, a syntax error the whole
/// text.
PlaybookSet load_playbooks(std::string_view text, const std::string& source);

/// Reads *.yaml and *.yml directly in `directory`, in the order of their names, 1 MiB each. A wrong file
/// loses only itself; of several playbooks of one name the first counts. Errors: the directory cannot be
/// listed.
Result<PlaybookSet> load_directory(const std::string& directory);

}  // namespace kintsugi::playbooks
