// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace kintsugi {
struct Incident;
}

namespace kintsugi::admission {

/// On a namespace: what becomes of pods there while nobody can say whether their images are trusted.
inline constexpr std::string_view kAdmissionLabel = "kintsugi.dev/admission";

/// What is known of a namespace here.
struct NamespaceRule {
  bool is_protected = false;
  std::string admission;  ///< kAdmissionLabel, whatever it says
};

/// Namespaces whose new pods are asked about. Those in `fail_closed` have none that could not be verified.
struct GuardedNamespaces {
  std::set<std::string> fail_open, fail_closed;
  std::set<std::string> misspelt;  ///< whose label is neither; they are in `fail_open`

  bool operator==(const GuardedNamespaces&) const = default;
};

struct GuardOptions {
  std::string own_namespace;   ///< never guarded: who answers must be able to start
  std::chrono::seconds after;  ///< for how long after the end of an incident
};

/// The protected namespaces in which an incident that changes something is under way or ended not long ago.
/// One that was released as a false alarm guards nothing after its end.
GuardedNamespaces find_guarded_namespaces(
    const std::vector<std::shared_ptr<const Incident>>& incidents,
    const std::function<NamespaceRule(const std::string& name)>& rule_of, const GuardOptions& options,
    WallTime now);

}  // namespace kintsugi::admission
