// SPDX-License-Identifier: Apache-2.0
//
// The certificates that the webhook serves with. Each is its own authority; the API server is told all that
// may be met, so that a new one can come into use without a moment in which it is not trusted.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/self_signed_certificate.h"

namespace kintsugi::admission {

/// How long a certificate lives, when its successor is made, and how long the API server knows the successor
/// before it is served.
inline constexpr std::chrono::days kCertificateLife{90};
inline constexpr std::chrono::days kRenewBeforeEnd{30};
inline constexpr std::chrono::hours kOverlap{1};
/// A certificate begins that long before it is made, for clocks that differ.
inline constexpr std::chrono::hours kClockSkew{1};

struct ServingCertificate {
  net::ServerTls tls;
  net::ServingFacts facts;
};

/// What all replicas share in a Secret.
struct ServingCertificates {
  std::optional<ServingCertificate> current;  ///< nothing: none was made yet, or it cannot be read
  std::optional<ServingCertificate> next;     ///< made known already, not served yet
  std::string previous_pem;                   ///< may still be served by a replica that looks seldom

  /// Whom the API server is to trust.
  std::string bundle_pem() const;
};

/// Reads `data` of the Secret. What cannot be used counts as missing: it is made anew.
ServingCertificates read_certificates(const nlohmann::json& secret_data);
/// The same as `data` of a Secret.
nlohmann::json write_certificates(const ServingCertificates& certificates);

/// What the certificates ought to be now, or nothing where they are that already. A current one is replaced
/// at once where it has other names or has ended, else 30 days before its end, with a successor that is made
/// known first. Error: of make_self_signed().
Result<std::optional<ServingCertificates>> renew_certificates(const ServingCertificates& certificates,
                                                              const std::vector<std::string>& names,
                                                              WallTime now);

}  // namespace kintsugi::admission
