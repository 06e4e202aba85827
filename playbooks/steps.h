// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/strict_reader.h"
#include "model/playbook.h"

namespace kintsugi::playbooks {

/// Reads `spec.steps` and reports every step that cannot be, by itself or where it stands. `list` is an
/// array.
std::vector<Step> read_steps(const Node& list, const std::string& path, Mode mode, ProblemList& problems);

}  // namespace kintsugi::playbooks
