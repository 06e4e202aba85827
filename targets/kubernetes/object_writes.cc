// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/object_writes.h"

#include <map>
#include <nlohmann/json.hpp>

#include "targets/kubernetes/write_refusal.h"

namespace kintsugi::targets {
namespace {

using nlohmann::json;

constexpr const char* kOurPrefix = "kintsugi.dev/";

/// The labels or annotations at `path` that are ours.
std::map<std::string, json> marks_at(const json& object, const char* path) {
  std::map<std::string, json> marks;
  const json::json_pointer pointer(path);
  if (!object.contains(pointer) || !object.at(pointer).is_object()) return marks;
  for (const auto& [key, value] : object.at(pointer).items())
    if (key.starts_with(kOurPrefix)) marks.emplace(key, value);
  return marks;
}

}  // namespace

Action action_on(const TargetRef& object, std::string_view id, Action::Kind kind, std::string resource) {
  Action action;
  action.id = id;
  action.kind = kind;
  action.resource = std::move(resource);
  action.name_space = object.name_space;
  action.name = object.name;
  action.uid = object.uid;
  return action;
}

std::string uid_of(const json& object) {
  const json::json_pointer path("/metadata/uid");
  return object.contains(path) && object.at(path).is_string() ? object.at(path).get<std::string>() : "";
}

bool bears_marks_of(const json& present, const json& wanted) {
  bool has_any = false;
  for (const char* path : {"/metadata/labels", "/metadata/annotations"}) {
    const auto found = marks_at(present, path);
    for (const auto& [key, value] : marks_at(wanted, path)) {
      has_any = true;
      const auto same = found.find(key);
      if (same == found.end() || same->second != value) return false;
    }
  }
  return has_any;
}

Result<json> create_object(k8s::Client& client, const k8s::Resource& resource, const Action& action,
                           const k8s::CallOptions& call) {
  const json wanted = json::parse(action.body, nullptr, /*allow_exceptions=*/false);
  if (!wanted.is_object()) return fail(ErrorCode::kInternal, "the journaled object is no JSON");
  auto created = client.create(resource, action.name_space, wanted, call);
  if (created) return std::move(*created);
  if (created.error().code != ErrorCode::kAlreadyExists) return fail(write_refusal(created.error(), action));
  auto present = client.get(resource, {action.name_space, action.name}, call);
  if (!present && present.error().code == ErrorCode::kNotFound) {
    return fail(
        make_error(ErrorCode::kConflict, "an object of this name has just gone").on(describe_object(action)));
  }
  if (!present) return fail(write_refusal(present.error(), action));
  if (bears_marks_of(*present, wanted)) return std::move(*present);
  return fail(make_error(ErrorCode::kRefused, "another object has this name, and it is not this incident's")
                  .because("NameTaken")
                  .on(describe_object(action))
                  .advise("find out who made it, and delete or rename it"));
}

Result<json> remove_object(k8s::Client& client, const k8s::Resource& resource, const Action& action,
                           const k8s::CallOptions& call) {
  const k8s::ObjectKey key{action.name_space, action.name};
  k8s::DeleteOptions precondition;
  precondition.uid = action.uid;
  auto removed = client.remove(resource, key, precondition, call);
  if (removed) return std::move(*removed);
  if (removed.error().code == ErrorCode::kNotFound) return json();
  if (removed.error().code != ErrorCode::kConflict) return fail(write_refusal(removed.error(), action));
  // Another has the name by now, or something else stood against it: only a look tells.
  const auto present = client.get(resource, key, call);
  if (!present && present.error().code == ErrorCode::kNotFound) return json();
  if (!present) return fail(write_refusal(present.error(), action));
  const std::string uid = uid_of(*present);
  if (!uid.empty() && uid != action.uid) return json();
  Error error = write_refusal(removed.error(), action);
  error.retryable = true;
  return fail(std::move(error));
}

}  // namespace kintsugi::targets
