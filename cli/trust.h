// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/run.h"
#include "cli/trust_invocation.h"

namespace kintsugi::cli {

/// Does what `kintsugi trust …` asks for. A refusal, and an error, is one line on the error stream; with -o
/// json the output is one document in every case.
ExitCode run_trust(const TrustInvocation& invocation, const Surroundings& surroundings);

}  // namespace kintsugi::cli
