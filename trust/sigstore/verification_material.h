// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "trust/sigstore/log_entry.h"

namespace kintsugi::trust {

/// What comes with a signature to say who made it, and when. Nothing of it is believed.
struct VerificationMaterial {
  std::vector<std::string> certificates;  ///< DER, the leaf first; empty: signed with a bare key
  std::vector<LogEntry> log_entries;
  std::vector<std::string> timestamps;  ///< RFC 3161 responses in DER
};

}  // namespace kintsugi::trust
