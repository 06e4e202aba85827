// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "report.h"

namespace kintsugi::bench {

/// Reviews of pods whose image has been verified before, over TLS as the API server sends them, beside
/// requests that the same server answers at once.
void measure_admission(Report& report);

}  // namespace kintsugi::bench
