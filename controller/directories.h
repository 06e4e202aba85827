// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "controller/settings.h"

namespace kintsugi::controller {

/// Looks, before anything is started, at the directories of playbooks and trust policies that the flags name:
/// a mistyped one has no files, and nothing would ever be done. Later they may come and go: what was read
/// last stays in force. Errors: one that is missing or cannot be listed, with its flag.
Result<void> check_configuration_directories(const Settings& settings);

/// Whether evidence can be written where the flag says; makes the directory as the first evidence would.
/// Succeeds without the flag. An error is for people to be told: without evidence containment still goes on.
Result<void> check_evidence_directory(const Settings& settings);

}  // namespace kintsugi::controller
