// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace kintsugi {

/// What a redeployment can add to a container that its template leaves open, or take out of a machine that
/// its definition has. What is for the other kind of target is passed over.
enum class Hardening : std::uint8_t {
  // Of a pod.
  kReadOnlyRootFilesystem,
  kDropCapabilities,
  kRunAsNonRoot,
  kSeccompRuntimeDefault,
  kNoServiceAccountToken,
  // Of a domain of a hypervisor.
  kNoHostDevices,
  kNoGuestAgent,
  kNoHostChannels,
  kNoSerialConsole,
  kGraphicsOnLoopback,
  kNoQemuCommandLine,
};

}  // namespace kintsugi
