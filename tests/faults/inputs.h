// SPDX-License-Identifier: Apache-2.0
//
// What a controller is given in these tests, and what a sensor tells it.
#pragma once

#include <string>

#include "tests/faults/cluster.h"
#include "tests/faults/story.h"

namespace kintsugi::faults {

/// Playbook `shell-in-container`, as YAML: all steps, and a probation of a second; of ten minutes in a false
/// alarm.
std::string playbook_text(const Story& story);
/// TrustPolicy `release-images` for the cluster's own images and key.
std::string trust_policy_text(const Cluster& cluster);
/// Falco's event that the playbook matches, about a pod, of now.
std::string falco_event(const std::string& name_space, const std::string& pod);

}  // namespace kintsugi::faults
