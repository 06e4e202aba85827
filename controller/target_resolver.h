// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/label_selector.h"
#include "base/result.h"
#include "controller/intake_result.h"
#include "model/mode.h"
#include "model/signal.h"
#include "model/target.h"

namespace kintsugi::controller {

/// Whom a signal is about, as found in the world.
struct Victim {
  TargetRef target;
  OwnerRef owner;
  Labels labels;            ///< by which playbooks select it
  Labels namespace_labels;  ///< by which they select its namespace
  Mode mode_cap = Mode::kFull;
  std::string container;  ///< name of the container, where the signal has its id
  std::string note;       ///< what was not as the signal said, for the timeline
};

/// Finds the target of a signal among those that this process can recover. Thread-safe.
class TargetResolver {
 public:
  virtual ~TargetResolver() = default;
  /// Why nothing is done about the signal, as far as it tells by itself; without I/O.
  virtual std::optional<IntakeResult> refuse_early(const Signal& signal) const = 0;
  /// The victim, or why nothing is done. An error: it is not known now.
  virtual Result<std::variant<Victim, IntakeResult>> resolve(const Signal& signal) const = 0;
};

}  // namespace kintsugi::controller
