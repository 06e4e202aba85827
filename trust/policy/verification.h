// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/clock.h"
#include "net/http.h"
#include "trust/policy/verdict_cache.h"
#include "trust/policy/verifier.h"
#include "trust/registry/registry_access.h"
#include "trust/registry/registry_client.h"

namespace kintsugi::trust {

/// A Verifier with all that it works with, from a way to registries. Stays where it is: its parts refer to
/// each other. `clock` must outlive it.
class Verification {
 public:
  Verification(RegistryAccess access, const Clock& clock)
      : transport_(std::move(access.transport)),
        options_(access.options),
        registry_(*transport_, clock, std::move(access.options)),
        verdicts_(clock),
        verifier_(registry_, verdicts_, clock) {}
  Verification(const Verification&) = delete;
  Verification& operator=(const Verification&) = delete;

  net::HttpTransport& transport() { return *transport_; }
  const RegistryOptions& options() const { return options_; }
  RegistryClient& registry() { return registry_; }
  Verifier& verifier() { return verifier_; }

 private:
  std::unique_ptr<net::HttpTransport> transport_;
  const RegistryOptions options_;
  RegistryClient registry_;
  VerdictCache verdicts_;
  Verifier verifier_;
};

}  // namespace kintsugi::trust
