// SPDX-License-Identifier: Apache-2.0
//
// Changes of one object for an incident; its creation and deletion, where the answer may be about another of
// that name.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "k8s-client/client/client.h"
#include "model/action.h"
#include "model/target.h"

namespace kintsugi::targets {

/// An action on an object, without its change and its words. `resource` is a full name: "pods",
/// "virtualmachines.kubevirt.io".
Action action_on(const TargetRef& object, std::string_view id, Action::Kind kind, std::string resource);

/// metadata.uid; empty where there is none.
std::string uid_of(const nlohmann::json& object);

/// Whether `present` bears each label and annotation of kintsugi.dev that `wanted` has: they name the
/// incident, and what it was made from. False where `wanted` has none.
bool bears_marks_of(const nlohmann::json& present, const nlohmann::json& wanted);

/// Creates the action's object. One of its name that is there already is ours, from before a crash, where it
/// bears the marks of the wanted one; else kRefused. Returns the object as it is now.
Result<nlohmann::json> create_object(k8s::Client& client, const k8s::Resource& resource, const Action& action,
                                     const k8s::CallOptions& call);

/// Deletes the object of the action's name and UID. Null: it is gone, as the server says or a look at the
/// name shows. kConflict where it is still there and something else stood against it: try again.
Result<nlohmann::json> remove_object(k8s::Client& client, const k8s::Resource& resource, const Action& action,
                                     const k8s::CallOptions& call);

}  // namespace kintsugi::targets
