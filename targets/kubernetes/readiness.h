// SPDX-License-Identifier: Apache-2.0
//
// What is known of a protected workload before anything happens, and how it is published: one entry of a
// ConfigMap for each workload. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace kintsugi::targets {

/// The ConfigMap, in the controller's namespace.
inline constexpr const char* kReadinessConfigMap = "kintsugi-readiness";

/// All text is safe to show.
struct Readiness {
  bool containable = false;
  std::string containable_reason;   ///< "PolicyEvaluated", or what is in the way
  std::string containable_message;  ///< leaks with the exclusion to commit
  bool prepared = false;
  std::string prepared_reason;  ///< "TemplateAccepted", or the verdict's reason
  std::string prepared_message;
  bool operator==(const Readiness&) const = default;
};

struct WorkloadName {
  std::string name_space;
  std::string name;
  bool is_machine = false;  ///< of KubeVirt; else a Deployment
  bool operator==(const WorkloadName&) const = default;
};

/// The entry's key, "<namespace>.<name>", of a machine "<namespace>.vm_<name>"; a namespace has no dots, and
/// no name an underscore. At most the 253 characters that a key may have.
std::string readiness_key(const WorkloadName& workload);
/// The inverse; nothing where it is no such key.
std::optional<WorkloadName> parse_readiness_key(std::string_view key);

/// The entry's text: one JSON object, with the time of the finding.
std::string readiness_text(const Readiness& readiness, WallTime found);
/// The inverse, bounded; what is missing, of a wrong type, or no JSON counts as not ready without a reason.
Readiness parse_readiness_text(const std::string& text);

}  // namespace kintsugi::targets
