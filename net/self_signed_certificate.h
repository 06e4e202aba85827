// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/http_server.h"

namespace kintsugi::net {

/// A certificate that is its own authority: whoever is to trust it is given it.
struct SelfSignedOptions {
  std::vector<std::string> names;  ///< DNS names and IP addresses; at least one
  WallTime not_before, not_after;
};

/// A P-256 key and a certificate for servers (RFC 5280). Errors: kInvalidInput for a name that is none,
/// kInternal.
Result<ServerTls> make_self_signed(const SelfSignedOptions& options);

/// What of a certificate decides whether a server can go on with it.
struct ServingFacts {
  WallTime not_before, not_after;
  std::vector<std::string> names;  ///< of its subject alternative name, DNS and IP, sorted
};

/// Reads the first certificate of a PEM text. Error: kInvalidInput.
Result<ServingFacts> read_serving_facts(const std::string& certificate_pem);

}  // namespace kintsugi::net
