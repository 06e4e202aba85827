// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/machine_evidence.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace kintsugi;
using namespace kintsugi::targets;
using nlohmann::json;

namespace {

Machine machine() {
  Machine machine;
  machine.meta.name_space = "shop";
  machine.meta.name = "web";
  machine.meta.uid = "m1";
  return machine;
}

}  // namespace

TEST_CASE("only disks that last are worth a snapshot") {
  Machine with = machine();
  CHECK_FALSE(has_lasting_disks(with));
  with.volumes = {{"root", MachineVolume::Source::kContainerDisk, "r/os:1"},
                  {"seed", MachineVolume::Source::kOther, ""}};
  CHECK_FALSE(has_lasting_disks(with));
  with.volumes.push_back({"data", MachineVolume::Source::kPersistent, "c"});
  CHECK(has_lasting_disks(with));
}

TEST_CASE("a snapshot names its machine and its incident, and stays") {
  const Action action = plan_snapshot(machine(), "kintsugi-inc-1", "inc-1");
  CHECK(action.kind == Action::Kind::kCreate);
  CHECK(action.resource == "virtualmachinesnapshots.snapshot.kubevirt.io");
  const json object = json::parse(action.body);
  CHECK(object["metadata"]["labels"]["kintsugi.dev/incident"] == "inc-1");
  CHECK(object["spec"]["source"] ==
        json({{"apiGroup", "kubevirt.io"}, {"kind", "VirtualMachine"}, {"name", "web"}}));
  CHECK(object["spec"]["deletionPolicy"] == "Retain");
}

TEST_CASE("a snapshot is taken as ours only where it names this incident and this machine") {
  const json ours = json::parse(plan_snapshot(machine(), "kintsugi-inc-1", "inc-1").body);
  CHECK(is_snapshot_of(ours, "m1", "inc-1"));
  CHECK_FALSE(is_snapshot_of(ours, "m2", "inc-1"));
  CHECK_FALSE(is_snapshot_of(ours, "m1", "inc-2"));
  for (const char* missing : {"labels", "annotations"}) {
    INFO(missing);
    json other = ours;
    other["metadata"].erase(missing);
    CHECK_FALSE(is_snapshot_of(other, "m1", "inc-1"));
    other["metadata"][missing] = "inc-1";
    CHECK_FALSE(is_snapshot_of(other, "m1", "inc-1"));
  }
  for (const char* odd : {"null", "[]", "{}", R"({"metadata": 7})"})
    CHECK_FALSE(is_snapshot_of(json::parse(odd), "m1", "inc-1"));
}

TEST_CASE("how far a snapshot is") {
  const std::pair<const char*, Progress> cases[] = {
      {R"({})", Progress::kUnderWay},
      {R"({"status": {}})", Progress::kUnderWay},
      {R"({"status": {"readyToUse": false, "phase": "InProgress"}})", Progress::kUnderWay},
      {R"({"status": {"readyToUse": "true"}})", Progress::kUnderWay},
      {R"({"status": {"phase": "Failed"}})", Progress::kFailed},
      {R"({"status": {"readyToUse": true, "phase": "Failed"}})", Progress::kFailed},
      {R"({"status": {"readyToUse": true, "phase": "Succeeded"}})", Progress::kDone},
  };
  for (const auto& [text, progress] : cases) {
    INFO(text);
    CHECK(progress_of_snapshot(json::parse(text)) == progress);
  }
}

TEST_CASE("how far a memory dump is, of this claim alone") {
  const std::pair<const char*, Progress> cases[] = {
      {R"({})", Progress::kUnderWay},
      {R"({"status": {"memoryDumpRequest": {"claimName": "c", "phase": "InProgress"}}})",
       Progress::kUnderWay},
      {R"({"status": {"memoryDumpRequest": {"claimName": "old", "phase": "Completed"}}})",
       Progress::kUnderWay},
      {R"({"status": {"memoryDumpRequest": {"claimName": "c", "phase": "Failed"}}})", Progress::kFailed},
      {R"({"status": {"memoryDumpRequest": {"claimName": "c", "phase": "Completed"}}})", Progress::kDone},
  };
  for (const auto& [text, progress] : cases) {
    INFO(text);
    CHECK(progress_of_memory_dump(json::parse(text), "c") == progress);
  }
  const Action action = plan_memory_dump(machine(), "c", nullptr);
  CHECK(action.kind == Action::Kind::kInvoke);
  CHECK(json::parse(action.body) == json({{"claimName", "c"}}));
}

TEST_CASE("a memory dump was taken up where there is one that was not there before") {
  const json first{{"claimName", "c"}, {"phase", "Completed"}, {"startTimestamp", "2026-01-01T00:00:00Z"}};
  json second = first;
  second["startTimestamp"] = "2026-01-02T00:00:00Z";
  json elsewhere = second;
  elsewhere["claimName"] = "d";
  const Action fresh = plan_memory_dump(machine(), "c", nullptr);
  const Action again = plan_memory_dump(machine(), "c", first);

  CHECK(is_memory_dump_taken_up(fresh, first));
  CHECK(is_memory_dump_taken_up(again, second));
  CHECK_FALSE(is_memory_dump_taken_up(fresh, nullptr));
  CHECK_FALSE(is_memory_dump_taken_up(again, first));
  CHECK_FALSE(is_memory_dump_taken_up(again, nullptr));
  CHECK_FALSE(is_memory_dump_taken_up(again, elsewhere));
  CHECK_FALSE(is_memory_dump_taken_up(again, json::array()));
  for (const char* undo : {"", "[]", "no JSON", R"({"earlier": 1})"}) {
    INFO(undo);
    Action edited = again;
    edited.undo = undo;
    CHECK_FALSE(is_memory_dump_taken_up(edited, second));
  }
}

TEST_CASE("what cloud-init and ignition are given is in no evidence") {
  const std::string secret = "hunter2";
  json volume{{"name", "seed"}, {"cloudInitNoCloud", {{"userData", secret}, {"secretRef", {{"name", "s"}}}}}};
  json drive{{"name", "drive"},
             {"cloudInitConfigDrive",
              {{"userDataBase64", secret}, {"networkData", secret}, {"networkDataBase64", secret}}}};
  json annotations{{"kubevirt.io/ignitiondata", secret},
                   {"kubectl.kubernetes.io/last-applied-configuration", secret},
                   {"note", "kept"}};
  json instance{{"metadata", {{"annotations", annotations}}}, {"spec", {{"volumes", {volume, drive}}}}};
  json machine{
      {"metadata", {{"annotations", annotations}}},
      {"spec",
       {{"template",
         {{"metadata", {{"annotations", annotations}}}, {"spec", {{"volumes", {volume, drive}}}}}}}}};
  for (json* document : {&instance, &machine}) {
    leave_out_secrets(*document);
    CHECK(document->dump().find(secret) == std::string::npos);
    CHECK(document->dump().find("left out, sha256:") != std::string::npos);
    CHECK((*document)["metadata"]["annotations"]["note"] == "kept");
  }
  CHECK(instance["spec"]["volumes"][0]["cloudInitNoCloud"]["secretRef"]["name"] == "s");
}

TEST_CASE("a document of another shape is left as it is") {
  for (const char* text : {R"({})", R"([])", R"({"spec": {"volumes": {"a": 1}}})",
                           R"({"spec": {"volumes": [1, "x"]}})", R"({"metadata": {"annotations": "x"}})"}) {
    json document = json::parse(text);
    leave_out_secrets(document);
    CHECK(document == json::parse(text));
  }
}
