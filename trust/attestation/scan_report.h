// SPDX-License-Identifier: Apache-2.0
//
// What scanners found, as it stands in `scanner.result` of cosign's scan attestations: the JSON reports of
// Trivy (schema 2) and Grype, and SARIF 2.1.0 of any scanner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"
#include "base/result.h"

namespace kintsugi::trust {

enum class VulnerabilitySeverity : std::uint8_t { kNone, kNegligible, kLow, kMedium, kHigh, kCritical };

/// "none", "medium".
std::string_view to_string(VulnerabilitySeverity severity);

/// One vulnerability in one package. Text is as in the report, not escaped.
struct ScanFinding {
  std::string id;                    ///< "CVE-2024-1234"
  std::vector<std::string> aliases;  ///< other names of it
  /// Critical where the report says none that is known: what nobody assessed may be the worst.
  VulnerabilitySeverity severity = VulnerabilitySeverity::kCritical;
  bool has_fix = true;  ///< false only where the report says so
};

/// Reads a report; all findings that the scanner itself did not leave out. Error: kInvalidInput, a clause
/// about what is not understood.
Result<std::vector<ScanFinding>> read_scan_report(const Node& report);

}  // namespace kintsugi::trust
