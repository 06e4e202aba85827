// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/run.h"
#include "cli/trust_invocation.h"

namespace kintsugi::cli {

/// Does what `kintsugi trust import FILE` asks for: TrustPolicies on the output, as YAML documents or with -o
/// json as one List, and on the error stream a line for everything that does not carry over or has to be
/// provided. kDone where everything has carried over, else kError, whatever was written.
ExitCode run_trust_import(const TrustInvocation& invocation, const Surroundings& surroundings);

}  // namespace kintsugi::cli
