// SPDX-License-Identifier: Apache-2.0
//
// What the API server makes of an object before it is stored. Pure functions on documents.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "k8s-client/core/resource.h"
#include "sandbox/refusal.h"

namespace kintsugi::sandbox {

/// Checks that `object` may be created under `key` and completes it: kind, namespace, defaults that clients
/// rely on, no status of the client's making.
std::optional<Refusal> prepare_create(const ResourceInfo& info, const k8s::ObjectKey& key,
                                      nlohmann::json& object);

/// Turns `next`, which a client wants in place of `current`, into what is stored: fields that are the
/// system's are kept, the status and the rest are kept apart (`status`: the write goes to the status
/// subresource), the generation counts. `next` equals `current` afterwards when nothing changes.
std::optional<Refusal> prepare_update(const ResourceInfo& info, const nlohmann::json& current, bool status,
                                      nlohmann::json& next);

}  // namespace kintsugi::sandbox
