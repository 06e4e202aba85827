// SPDX-License-Identifier: Apache-2.0
//
// Machines that are rebuilt from the lab's golden image, for tests.
#pragma once

#include <string>
#include <vector>

#include "model/incident.h"
#include "targets/libvirt/domain_target.h"
#include "tests/machines/machine_lab.h"

namespace kintsugi::machines {

/// A text with the lab's folder in place of each "LAB".
std::string with_lab(std::string text);
/// The policy `golden`, which takes what the lab's key has signed.
std::string golden_policy();
/// The term of a machine that is to be rebuilt from an image of the lab.
std::string golden_image(const std::string& name);
/// Where the lab has a machine's disk.
std::string disk_of(const std::string& name);

/// The domain as it is now; fails the test where it cannot be seen.
targets::DomainObservation look_at(Host& host, const std::string& uuid);
/// Whether it runs as its first incident has rebuilt it.
bool runs_rebuilt(Host& host, const std::string& uuid);

/// The incidents with their timelines, for people.
std::string story_of(const std::vector<Incident>& incidents);

}  // namespace kintsugi::machines
