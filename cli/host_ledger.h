// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "cli/session.h"
#include "incidents/ledger.h"

namespace kintsugi::cli {

/// What is left of incidents that were deleted, of the host that --host names.
Result<incidents::LedgerContents> load_host_ledger(const Session& session);

}  // namespace kintsugi::cli
