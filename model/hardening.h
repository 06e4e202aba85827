// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace kintsugi {

/// What a redeployment can add to a container that its template leaves open.
enum class Hardening : std::uint8_t {
  kReadOnlyRootFilesystem,
  kDropCapabilities,
  kRunAsNonRoot,
  kSeccompRuntimeDefault,
  kNoServiceAccountToken,
};

}  // namespace kintsugi
