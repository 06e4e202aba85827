// SPDX-License-Identifier: Apache-2.0
//
// Reading objects that nobody has validated: a field of the wrong type counts as absent.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/label_selector.h"
#include "k8s-client/core/resource.h"

namespace kintsugi::sandbox {

/// An object as it is stored: never changed, shared freely.
using Object = std::shared_ptr<const nlohmann::json>;
using Path = std::initializer_list<const char*>;

/// The value at the end of `path`, or null where a member is missing on the way.
const nlohmann::json& field(const nlohmann::json& object, Path path);
std::string text(const nlohmann::json& object, Path path);
std::int64_t integer(const nlohmann::json& object, Path path, std::int64_t fallback);
Labels string_map(const nlohmann::json& object, Path path);

std::string name_of(const nlohmann::json& object);
std::string namespace_of(const nlohmann::json& object);
std::string uid_of(const nlohmann::json& object);
k8s::ObjectKey key_of(const nlohmann::json& object);
Labels labels_of(const nlohmann::json& object);
bool is_being_deleted(const nlohmann::json& object);
bool is_ready(const nlohmann::json& pod);
/// The UID of the owner with `controller: true`, or "".
std::string controller_uid(const nlohmann::json& object);
/// An entry for `metadata.ownerReferences`.
nlohmann::json owner_reference(const nlohmann::json& owner);

/// A metav1.LabelSelector. An absent one matches everything, a malformed one nothing.
LabelSelector to_selector(const nlohmann::json& selector);

}  // namespace kintsugi::sandbox
