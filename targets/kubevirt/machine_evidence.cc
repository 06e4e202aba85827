// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/machine_evidence.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/encoding.h"
#include "targets/kubernetes/object_writes.h"

namespace kintsugi::targets {
namespace {

using nlohmann::json;

/// Below a volume's cloudInitNoCloud or cloudInitConfigDrive.
constexpr const char* kInlineData[] = {"userData", "userDataBase64", "networkData", "networkDataBase64"};
constexpr const char* kCloudInit[] = {"cloudInitNoCloud", "cloudInitConfigDrive"};
/// Ignition is passed by an annotation of the instance.
constexpr const char* kIgnition = "kubevirt.io/ignitiondata";
/// And what kubectl has kept of the whole object.
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/// By which a snapshot is known as the one that an incident has asked for.
constexpr const char* kIncidentMark = "kintsugi.dev/incident";
constexpr const char* kSourceMark = "kintsugi.dev/source-uid";

constexpr DocumentLimits kNoteLimits{4u << 10, 3, 16};

std::string text_at(const json& object, const char* pointer) {
  const json::json_pointer path(pointer);
  return object.contains(path) && object.at(path).is_string() ? object.at(path).get<std::string>() : "";
}

void leave_out(json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) return;
  json& value = object[key];
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  value = "left out, sha256:" + sha256_hex(text);
}

void leave_out_at(json& document, const char* pointer, const char* key) {
  const json::json_pointer path(pointer);
  if (document.contains(path)) leave_out(document.at(path), key);
}

void clean_volumes(json& document, const char* pointer) {
  const json::json_pointer path(pointer);
  if (!document.contains(path) || !document.at(path).is_array()) return;
  for (json& volume : document.at(path)) {
    for (const char* source : kCloudInit) {
      if (!volume.is_object() || !volume.contains(source)) continue;
      for (const char* key : kInlineData) leave_out(volume[source], key);
    }
  }
}

}  // namespace

bool has_lasting_disks(const Machine& machine) {
  return std::any_of(machine.volumes.begin(), machine.volumes.end(), [](const MachineVolume& volume) {
    return volume.source == MachineVolume::Source::kDataVolume ||
           volume.source == MachineVolume::Source::kPersistent;
  });
}

Action plan_snapshot(const Machine& machine, const std::string& name, const std::string& incident) {
  Action action = action_on(machine.ref(), kSnapshotAction, Action::Kind::kCreate,
                            "virtualmachinesnapshots.snapshot.kubevirt.io");
  const json source{{"apiGroup", "kubevirt.io"}, {"kind", "VirtualMachine"}, {"name", machine.meta.name}};
  action.body = json({{"apiVersion", "snapshot.kubevirt.io/v1beta1"},
                      {"kind", "VirtualMachineSnapshot"},
                      {"metadata",
                       {{"name", name},
                        {"namespace", machine.meta.name_space},
                        {"labels", {{kIncidentMark, incident}}},
                        {"annotations", {{kSourceMark, machine.meta.uid}}}}},
                      {"spec", {{"source", source}, {"deletionPolicy", "Retain"}}}})
                    .dump();
  action.name = name;
  action.uid.clear();
  action.description = "snapshot the disks of virtual machine " + machine.meta.name_space + "/" +
                       machine.meta.name + " as " + name;
  return action;
}

Action plan_memory_dump(const Machine& machine, const std::string& claim, const json& earlier) {
  Action action = action_on(machine.ref(), kMemoryDumpAction, Action::Kind::kInvoke,
                            "virtualmachines.subresources.kubevirt.io/memorydump");
  action.body = json({{"claimName", claim}}).dump();
  action.undo = json({{"earlier", sha256_hex(earlier.dump())}}).dump();
  action.description = "write the memory of virtual machine " + machine.meta.name_space + "/" +
                       machine.meta.name + " into claim " + claim;
  return action;
}

bool is_memory_dump_taken_up(const Action& dump, const json& now) {
  const auto body = parse_json(dump.body, kNoteLimits);
  const auto note = parse_json(dump.undo, kNoteLimits);
  if (!body || !note || now.is_null()) return false;
  const std::string earlier = text_at(*note, "/earlier");
  return !earlier.empty() && text_at(now, "/claimName") == text_at(*body, "/claimName") &&
         sha256_hex(now.dump()) != earlier;
}

bool is_snapshot_of(const json& snapshot, const std::string& machine_uid, const std::string& incident) {
  const json wanted{
      {"metadata", {{"labels", {{kIncidentMark, incident}}}, {"annotations", {{kSourceMark, machine_uid}}}}}};
  return bears_marks_of(snapshot, wanted);
}

Progress progress_of_snapshot(const json& snapshot) {
  const json::json_pointer ready("/status/readyToUse");
  const bool is_ready = snapshot.contains(ready) && snapshot.at(ready) == true;
  const std::string phase = text_at(snapshot, "/status/phase");
  if (phase == "Failed") return Progress::kFailed;
  return is_ready ? Progress::kDone : Progress::kUnderWay;
}

json memory_dump_of(const json& machine) {
  const json::json_pointer path("/status/memoryDumpRequest");
  return machine.contains(path) ? machine.at(path) : json();
}

Progress progress_of_memory_dump(const json& machine, const std::string& claim) {
  const json dump = memory_dump_of(machine);
  if (text_at(dump, "/claimName") != claim) return Progress::kUnderWay;
  const std::string phase = text_at(dump, "/phase");
  if (phase == "Failed") return Progress::kFailed;
  return phase == "Completed" ? Progress::kDone : Progress::kUnderWay;
}

void leave_out_secrets(json& document) {
  clean_volumes(document, "/spec/volumes");
  clean_volumes(document, "/spec/template/spec/volumes");
  for (const char* annotations : {"/metadata/annotations", "/spec/template/metadata/annotations"}) {
    leave_out_at(document, annotations, kIgnition);
    leave_out_at(document, annotations, kLastApplied);
  }
}

}  // namespace kintsugi::targets
