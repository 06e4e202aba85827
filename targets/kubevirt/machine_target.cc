// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/machine_target.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "targets/kubernetes/object_writes.h"
#include "targets/kubernetes/write_refusal.h"

namespace kintsugi::targets {
namespace {

using nlohmann::json;

constexpr const char* kPauseResource = "virtualmachineinstances.subresources.kubevirt.io/pause";
constexpr const char* kUnpauseResource = "virtualmachineinstances.subresources.kubevirt.io/unpause";
constexpr DocumentLimits kNoteLimits{4u << 10, 3, 16};

std::string full_name(const k8s::Resource& resource) {
  return std::string(resource.plural) + (resource.group.empty() ? "" : ".") + std::string(resource.group);
}

const k8s::Resource* resource_of(const std::string& name) {
  static constexpr const k8s::Resource* kKnown[] = {&kMachines,          &kMachineInstances,
                                                    &kMachineMigrations, &kMachineSnapshots,
                                                    &kMachineActions,    &kMachineInstanceActions};
  const auto found = std::find_if(std::begin(kKnown), std::end(kKnown), [&](const k8s::Resource* resource) {
    return full_name(*resource) == name;
  });
  return found == std::end(kKnown) ? nullptr : *found;
}

tl::unexpected<Error> unknown_resource(const Action& action) {
  return fail(ErrorCode::kInternal, "no such resource: " + action.resource);
}

/// Over, or about to be: virt-controller's finalizer keeps a deleted one until it has ended.
bool is_over(const json& migration) {
  if (migration.contains(json::json_pointer("/metadata/deletionTimestamp"))) return true;
  const json::json_pointer path("/status/phase");
  return migration.contains(path) && (migration.at(path) == "Succeeded" || migration.at(path) == "Failed");
}

}  // namespace

Result<std::optional<MachineInstance>> MachineTarget::find(const std::string& name_space,
                                                           const std::string& name, std::stop_token stop,
                                                           net::Priority priority) const {
  k8s::CallOptions call;
  call.priority = priority;
  call.stop = std::move(stop);
  const auto document = client_.get(kMachineInstances, {name_space, name}, call);
  if (!document && document.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!document) return fail(document.error());
  auto instance = machine_instance_from(from_json(*document));
  if (!instance) return fail(std::move(instance).error());
  return std::move(*instance);
}

Result<std::optional<MachineInstance>> MachineTarget::read(const TargetRef& instance,
                                                           std::stop_token stop) const {
  auto found = find(instance.name_space, instance.name, std::move(stop));
  if (found && *found && (*found)->meta.uid != instance.uid) return std::nullopt;
  return found;
}

Result<json> MachineTarget::read_machine_document(const std::string& name_space, const OwnerRef& machine,
                                                  net::Priority priority) const {
  k8s::CallOptions call;
  call.priority = priority;
  auto document = client_.get(kMachines, {name_space, machine.name}, call);
  if (!document) return fail(document.error());
  if (uid_of(*document) != machine.uid) {
    return fail(make_error(ErrorCode::kNotFound, "the name belongs to another virtual machine now")
                    .on("virtualmachine " + name_space + "/" + machine.name));
  }
  return std::move(*document);
}

Result<std::optional<Machine>> MachineTarget::read_machine(const std::string& name_space,
                                                           const OwnerRef& machine) const {
  const auto document = read_machine_document(name_space, machine);
  if (!document && document.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!document) return fail(document.error());
  auto read = machine_from(from_json(*document));
  if (!read) return fail(std::move(read).error());
  return std::move(*read);
}

Result<std::string> MachineTarget::foreign_disk(const std::string& name, const Machine& machine) const {
  const k8s::ObjectKey key{machine.meta.name_space, name};
  for (const k8s::Resource* resource : {&kDataVolumes, &kClaims}) {
    const auto document = client_.get(*resource, key);
    if (!document && document.error().code == ErrorCode::kNotFound) continue;
    if (!document) return fail(document.error());
    const auto meta = object_meta_from(from_json(*document));
    // A claim that is there beside the machine's own DataVolume is that one's.
    if (meta && meta->controller.uid == machine.meta.uid) return std::string();
    return full_name(*resource) + " " + key.to_string();
  }
  return std::string();
}

Result<std::vector<TargetRef>> MachineTarget::migrations_of(const TargetRef& instance) const {
  const auto migrations = client_.list(kMachineMigrations, instance.name_space);
  if (!migrations) return fail(migrations.error());
  std::vector<TargetRef> under_way;
  const json::json_pointer about("/spec/vmiName");
  for (const json& migration : *migrations) {
    const bool is_of_it = migration.contains(about) && migration.at(about) == instance.name;
    if (!is_of_it || is_over(migration)) continue;
    under_way.push_back({std::string(kMachineMigrations.kind), instance.name_space,
                         migration.at("metadata").value("name", ""), uid_of(migration)});
  }
  return under_way;
}

Result<json> MachineTarget::foresee(const Action& patch, net::Priority priority) const {
  const k8s::Resource* resource = resource_of(patch.resource);
  if (resource == nullptr) return unknown_resource(patch);
  k8s::CallOptions call;
  call.dry_run = true;
  call.priority = priority;
  auto document = client_.patch_text(*resource, {patch.name_space, patch.name}, patch.body, "", call);
  if (!document) return fail(write_refusal(document.error(), patch));
  return std::move(*document);
}

Result<void> MachineTarget::apply(const Action& action, const ApplyOptions& options) const {
  const k8s::CallOptions call = call_of(options);
  if (action.kind == Action::Kind::kInvoke) return invoke(action, call);
  const k8s::Resource* resource = resource_of(action.resource);
  if (resource == nullptr) return unknown_resource(action);
  if (action.kind == Action::Kind::kPatch) {
    const auto patched =
        client_.patch_text(*resource, {action.name_space, action.name}, action.body, "", call);
    if (!patched) return fail(write_refusal(patched.error(), action));
    return {};
  }
  const auto done = action.kind == Action::Kind::kDelete ? remove_object(client_, *resource, action, call)
                                                         : create_object(client_, *resource, action, call);
  if (!done) return fail(done.error());
  return {};
}

Result<void> MachineTarget::invoke(const Action& action, const k8s::CallOptions& call) const {
  const std::size_t slash = action.resource.find('/');
  const k8s::Resource* acting = resource_of(action.resource.substr(0, slash));
  if (acting == nullptr || slash == std::string::npos) return unknown_resource(action);
  const k8s::ObjectKey key{action.name_space, action.name};
  const k8s::Resource& subject = *acting == kMachineActions ? kMachines : kMachineInstances;
  const auto now = client_.get(subject, key, call);
  if (!now) return fail(write_refusal(now.error(), action));
  if (uid_of(*now) != action.uid) {
    return fail(make_error(ErrorCode::kConflict, "the name belongs to another object now")
                    .on(describe_object(action)));
  }
  const json body = json::parse(action.body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) return fail(ErrorCode::kInternal, "the journaled options are no JSON object");
  const auto done = client_.invoke(*acting, key, action.resource.substr(slash + 1), body, call);
  if (!done) return fail(write_refusal(done.error(), action));
  return {};
}

Action plan_pause(const MachineInstance& instance) {
  Action action = action_on(instance.ref(), "contain/pause", Action::Kind::kInvoke, kPauseResource);
  action.body = "{}";
  action.undo = json({{"agentConnected", instance.agent_connected}}).dump();
  action.description = "stop the processors of " + instance.ref().to_string();
  return action;
}

Action plan_unpause(const TargetRef& instance) {
  Action action = action_on(instance, "release/unpause", Action::Kind::kInvoke, kUnpauseResource);
  action.body = "{}";
  action.description = "let " + instance.to_string() + " run again";
  return action;
}

std::optional<bool> had_agent(const Action& pause) {
  const auto note = parse_json(pause.undo, kNoteLimits);
  if (!note || !note->is_object() || !note->contains("agentConnected")) return std::nullopt;
  const json& connected = note->at("agentConnected");
  return connected.is_boolean() ? std::optional(connected.get<bool>()) : std::nullopt;
}

Action plan_migration_end(const TargetRef& instance, const TargetRef& migration) {
  // One id for all: whoever goes on to ask for migrations does not fill the journal.
  Action action =
      action_on(migration, "contain/end-migration", Action::Kind::kDelete, full_name(kMachineMigrations));
  action.description = "end migration " + migration.name + " of " + instance.to_string();
  return action;
}

Action plan_instance_deletion(const TargetRef& instance) {
  Action action = action_on(instance, "release/delete", Action::Kind::kDelete, full_name(kMachineInstances));
  action.description = "delete " + instance.to_string();
  return action;
}

}  // namespace kintsugi::targets
