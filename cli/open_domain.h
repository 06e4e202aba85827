// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "cli/session.h"
#include "model/target.h"

namespace kintsugi::cli {

/// The domain that --host and the command line name, live: a name may have come back with another UUID.
/// kRefused where Kintsugi may not act on it.
Result<TargetRef> find_domain(const Session& session);

/// Whether the host has the playbook. kNotFound where it has not.
Result<void> check_host_playbook(const Session& session);

}  // namespace kintsugi::cli
