// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/condition.h"

namespace kintsugi {

/// What was read back from the world about one condition. Not an error: a finding of False is an answer.
struct Finding {
  ConditionStatus status = ConditionStatus::kFalse;
  std::string reason;   ///< CamelCase
  std::string message;  ///< names what is in the way and what to do

  bool holds() const { return status == ConditionStatus::kTrue; }
};

}  // namespace kintsugi
