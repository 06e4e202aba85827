// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "trust/crypto/public_key.h"
#include "trust/crypto/time_range.h"

namespace kintsugi::trust {

/// The key of a log, of signatures (Rekor) or of certificates (RFC 6962), as a trusted root has it.
struct LogKey {
  std::string id;        ///< raw bytes; of RFC 6962 logs and of Rekor v1: SHA-256 over the key
  std::string base_url;  ///< "https://rekor.sigstore.dev"
  PublicKey key;
  TimeRange valid_for;
};

}  // namespace kintsugi::trust
