// SPDX-License-Identifier: Apache-2.0
//
// What quarantine does not reach, in words. For isolation_proof.cc.
#pragma once

#include <span>
#include <vector>

#include "targets/isolation/isolation_proof.h"

namespace kintsugi::isolation {

/// What the policies leave unsaid: a direction that none denies, a policy that could not be read.
void add_limits_of_policies(bool ingress_denied, bool egress_denied, std::span<const Error> unreadable,
                            std::vector<Limit>& limits);
void add_limits_of_pod(const PodFacts& facts, std::vector<Limit>& limits);
/// Always adds kNodeReachable: no policy closes the way between a pod and its own node.
void add_limits_of_network(const NetworkFacts& network, std::vector<Limit>& limits);

}  // namespace kintsugi::isolation
