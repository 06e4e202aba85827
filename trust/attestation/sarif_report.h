// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/document.h"
#include "base/result.h"
#include "trust/attestation/scan_report.h"

namespace kintsugi::trust {

/// Reads SARIF 2.1.0 as scanners of images write it: a result's rule is a vulnerability, and the rule's
/// property "security-severity" its CVSS score. Results that the producer suppressed count, as nothing says
/// who may suppress. Error: kInvalidInput.
Result<std::vector<ScanFinding>> read_sarif(const Node& report);

}  // namespace kintsugi::trust
