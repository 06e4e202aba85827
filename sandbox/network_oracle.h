// SPDX-License-Identifier: Apache-2.0
//
// Answers "can A reach B on this port now" from the NetworkPolicies in the store. Written apart from the
// evaluation in targets/, so that each can judge the other.
#pragma once

#include <cstdint>
#include <string>

#include "sandbox/object_store.h"

namespace kintsugi::sandbox {

struct Reach {
  bool allowed = false;
  std::string reason;  ///< "egress of shop/web-1 is denied by policy shop/deny", …
};

/// Over TCP. `from` and `to` are "namespace/pod" or an IPv4 address outside. Host network pods are beyond
/// NetworkPolicies, a pod without an address reaches nothing, an ipBlock also matches pods.
Reach can_reach(const ObjectStore& store, const std::string& from, const std::string& to, std::uint16_t port);

}  // namespace kintsugi::sandbox
