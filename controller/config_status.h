// SPDX-License-Identifier: Apache-2.0
//
// Tells whoever wrote a Playbook or TrustPolicy resource what became of it: condition Ready in its status.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/clock.h"
#include "base/document.h"
#include "base/log.h"
#include "k8s-client/client/client.h"

namespace kintsugi::controller {

/// What became of one resource when it was loaded.
struct ConfigVerdict {
  const k8s::Resource* resource = nullptr;
  std::string name;
  std::string uid;
  std::int64_t generation = 0;
  bool ready = false;
  std::string reason;   ///< "Loaded", "Invalid", or of a key that could not be had
  std::string message;  ///< safe to show
  std::string since;    ///< lastTransitionTime of its condition where the status stays; empty: it changes now
  bool is_shown = false;  ///< its status says exactly this already
};

/// The verdict on `object`, a resource as the API server has it; is_shown is set from its status.
ConfigVerdict judge_config(const k8s::Resource& resource, const Node& object, std::string reason,
                           std::string message);

/// Writes the verdict into the resource's status; by the leader only.
Result<void> show_config_verdict(k8s::Client& client, const std::string& name_space,
                                 const ConfigVerdict& verdict, WallTime now);

}  // namespace kintsugi::controller
