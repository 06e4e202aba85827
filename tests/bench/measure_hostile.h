// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "report.h"

namespace kintsugi::bench {

/// What a registry that means harm costs: resident memory at its peak, and processor time, of one
/// verification of an image about which it says as much as it can.
void measure_hostile(Report& report);

}  // namespace kintsugi::bench
