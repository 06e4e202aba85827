// SPDX-License-Identifier: Apache-2.0
//
// trusted_root.json: whose certificates, logs and timestamps are believed, of one Sigstore instance (public
// or private). Format: sigstore/protobuf-specs sigstore_trustroot.proto, as protobuf's JSON.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/crypto/certificate_chain.h"
#include "trust/crypto/log_key.h"

namespace kintsugi::trust {

inline constexpr std::size_t kMaxTrustedRootBytes = 1u << 20;

/// A value; copies share keys and certificates.
struct TrustedRoot {
  std::vector<LogKey> logs;              ///< of signatures (tlogs)
  std::vector<LogKey> certificate_logs;  ///< of certificates (ctlogs)
  std::vector<CertificateAuthority> certificate_authorities;
  std::vector<CertificateAuthority> timestamp_authorities;
};

/// Reads media types "application/vnd.dev.sigstore.trustedroot+json;version=0.1" and
/// "application/vnd.dev.sigstore.trustedroot.v0.2+json" (and no others), strictly: known members have their
/// types, at most 64 of each kind, no repeated keys; unknown members are passed over, as protobuf's readers
/// may. A log's key without `validFor.start`, a chain without a certificate, or a key of a kind that is not
/// accepted spoil the whole: what is left out silently would be missed later. Error: kInvalidInput,
/// TrustedRootInvalid.
Result<TrustedRoot> parse_trusted_root(std::string_view json);

}  // namespace kintsugi::trust
