// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/machine_rebuild.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "k8s-client/core/patch.h"

using namespace kintsugi;
using namespace kintsugi::targets;
using nlohmann::json;

namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kOther = "sha256:" + std::string(64, 'b');
constexpr const char* kIncident = "inc-1";

json container_disk_machine() {
  return json::parse(R"({
    "metadata": {"namespace": "shop", "name": "web", "uid": "m1"},
    "spec": {"runStrategy": "Always", "instancetype": {"name": "small"},
             "template": {"spec": {
               "domain": {"devices": {"disks": [{"name": "root"}, {"name": "data"}]}},
               "volumes": [{"name": "root", "containerDisk": {"image": "r/os:1"}},
                           {"name": "data", "dataVolume": {"name": "d", "hotpluggable": true}}]}}}})");
}

json data_volume_machine() {
  return json::parse(R"({
    "metadata": {"namespace": "shop", "name": "web", "uid": "m1"},
    "spec": {"runStrategy": "Always",
             "dataVolumeTemplates": [{"metadata": {"name": "other"}, "spec": {"source": {"blank": {}}}},
                                     {"metadata": {"name": "web-root"},
                                      "spec": {"source": {"registry": {"url": "docker://r/os:1"}}}}],
             "template": {"spec": {
               "domain": {"devices": {"disks": [{"name": "root"}]}},
               "volumes": [{"name": "root", "dataVolume": {"name": "web-root"}}]}}}})");
}

Machine read(const json& document) {
  return machine_from(from_json(document)).value();
}

TrustedImage trusted(const std::string& container) {
  TrustedImage image;
  image.container = container;
  image.image = "r/os:1";
  image.digest = kDigest;
  return image;
}

MachineReplacement replaced(const std::string& image_id) {
  MachineReplacement now;
  now.instance.emplace();
  now.instance->meta.uid = "i2";
  now.instance->phase = "Running";
  now.instance->ready = true;
  Pod launcher;
  launcher.meta.name = "virt-launcher-web-y";
  launcher.containers.resize(2);
  launcher.containers[0].name = "compute";
  launcher.containers[0].image_id = "r/launcher@" + kOther;
  launcher.containers[1].name = "volumeroot";
  launcher.containers[1].image_id = image_id;
  now.launchers.push_back(launcher);
  return now;
}

const std::vector<TrustedImage> kAccepted{trusted("volumeroot")};

}  // namespace

TEST_CASE("a machine on container disks is rebuilt from their images") {
  const RebuildSources sources = rebuild_sources(read(container_disk_machine()));
  CHECK(sources.obstacle.empty());
  CHECK(sources.images == std::vector<MachineImage>{{"volumeroot", "r/os:1"}});
  CHECK(sources.kept == std::vector<std::string>{"data"});
}

TEST_CASE("a kernel that is booted directly comes from an image, too") {
  json document = container_disk_machine();
  document["spec"]["template"]["spec"]["domain"]["firmware"]["kernelBoot"]["container"]["image"] =
      "r/kernel:1";
  const RebuildSources sources = rebuild_sources(read(document));
  REQUIRE(sources.images.size() == 2);
  CHECK(sources.images[0] == MachineImage{"volumekernel-boot-volume", "r/kernel:1"});
  const auto pin =
      plan_machine_pin(document, {trusted("volumeroot"), trusted("volumekernel-boot-volume")}, kIncident);
  REQUIRE(pin);
  const json after = k8s::apply_json_patch(document, pin->body).value();
  CHECK(after["spec"]["template"]["spec"]["domain"]["firmware"]["kernelBoot"]["container"]["image"] ==
        "r/kernel@" + kDigest);
  CHECK_FALSE(plan_machine_pin(document, kAccepted, kIncident));
}

TEST_CASE("what no image brings back is said") {
  json document = container_disk_machine();
  json& root = document["spec"]["template"]["spec"]["volumes"][0];
  const char* const kSources[] = {R"({"persistentVolumeClaim": {"claimName": "c"}})",
                                  R"({"hostDisk": {"path": "/d"}})", R"({"dataVolume": {"name": "unknown"}})",
                                  R"({"cloudInitNoCloud": {}})"};
  for (const char* source : kSources) {
    INFO(source);
    root = json::parse(source);
    root["name"] = "root";
    CHECK_FALSE(rebuild_sources(read(document)).obstacle.empty());
    CHECK_FALSE(is_machine_prepared(read(document), kAccepted, kIncident));
  }
  json blank = data_volume_machine();
  blank["spec"]["dataVolumeTemplates"][1]["spec"]["source"] = {{"http", {{"url", "https://r/os.img"}}}};
  CHECK_FALSE(rebuild_sources(read(blank)).obstacle.empty());
  blank["spec"]["dataVolumeTemplates"][1]["spec"]["source"] = {{"registry", {{"url", "oci-archive://x"}}}};
  CHECK_FALSE(rebuild_sources(read(blank)).obstacle.empty());
}

TEST_CASE("a pin names the digest, leaves the rest alone, and has its undo") {
  const json before = container_disk_machine();
  const auto pin = plan_machine_pin(before, kAccepted, kIncident);
  REQUIRE(pin);
  CHECK(pin->resource == "virtualmachines.kubevirt.io");
  CHECK(pin->uid == "m1");
  const json after = k8s::apply_json_patch(before, pin->body).value();
  CHECK(after["spec"]["template"]["spec"]["volumes"][0]["containerDisk"]["image"] == "r/os@" + kDigest);
  CHECK(after["spec"]["template"]["spec"]["volumes"][1] == before["spec"]["template"]["spec"]["volumes"][1]);
  CHECK(after["spec"]["instancetype"] == before["spec"]["instancetype"]);
  CHECK(after["spec"]["runStrategy"] == "Always");
  CHECK(is_machine_prepared(read(after), kAccepted, kIncident));
  CHECK(k8s::apply_json_patch(after, pin->undo).value() == before);
  CHECK(plan_machine_pin(after, kAccepted, kIncident).error().code == ErrorCode::kAlreadyExists);
}

TEST_CASE("a pin fails where somebody has changed what it replaces") {
  const auto pin = plan_machine_pin(container_disk_machine(), kAccepted, kIncident);
  REQUIRE(pin);
  json moved = container_disk_machine();
  SECTION("the image") {
    moved["spec"]["template"]["spec"]["volumes"][0]["containerDisk"]["image"] = "r/os:2";
  }
  SECTION("the machine") {
    moved["metadata"]["uid"] = "m2";
  }
  CHECK_FALSE(k8s::apply_json_patch(moved, pin->body));
}

TEST_CASE("nothing is pinned to what was not accepted") {
  CHECK(plan_machine_pin(container_disk_machine(), {}, kIncident).error().code == ErrorCode::kRefused);
  CHECK(plan_machine_pin(container_disk_machine(), {trusted("root")}, kIncident).error().code ==
        ErrorCode::kRefused);
  CHECK(plan_machine_pin(data_volume_machine(), kAccepted, kIncident).error().code == ErrorCode::kRefused);
  CHECK_FALSE(plan_machine_pin(json::object(), kAccepted, kIncident));
}

TEST_CASE("a template that names no image is refused, whatever was accepted") {
  const std::vector<TrustedImage> accepted{trusted("volumeroot"), trusted("datavolume/root")};
  for (const char* disk : {"{}", R"({"image": ""})", R"({"image": 7})", R"({"image": null})"}) {
    INFO(disk);
    json document = container_disk_machine();
    document["spec"]["template"]["spec"]["volumes"][0]["containerDisk"] = json::parse(disk);
    CHECK(plan_machine_pin(document, accepted, kIncident).error().code == ErrorCode::kRefused);
  }
  for (const char* templates : {"null", "{}", "7", "[]", "[7]", R"([{"metadata": {}}])"}) {
    INFO(templates);
    json document = data_volume_machine();
    document["spec"]["dataVolumeTemplates"] = json::parse(templates);
    CHECK(plan_machine_pin(document, accepted, kIncident).error().code == ErrorCode::kRefused);
  }
  json none = data_volume_machine();
  none["spec"].erase("dataVolumeTemplates");
  CHECK(plan_machine_pin(none, accepted, kIncident).error().code == ErrorCode::kRefused);
}

TEST_CASE("a DataVolume that it boots from is made anew, from the accepted digest") {
  const json before = data_volume_machine();
  const std::vector<TrustedImage> accepted{trusted("datavolume/root")};
  CHECK(rebuild_sources(read(before)).images == std::vector<MachineImage>{{"datavolume/root", "r/os:1"}});
  const auto pin = plan_machine_pin(before, accepted, kIncident);
  REQUIRE(pin);
  const json after = k8s::apply_json_patch(before, pin->body).value();
  const std::string name = after["spec"]["dataVolumeTemplates"][1]["metadata"]["name"];
  CHECK(name == next_data_volume_name("web-root", kIncident, kDigest));
  CHECK(after["spec"]["template"]["spec"]["volumes"][0]["dataVolume"]["name"] == name);
  CHECK(after["spec"]["dataVolumeTemplates"][1]["spec"]["source"]["registry"]["url"] ==
        "docker://r/os@" + kDigest);
  CHECK(after["spec"]["dataVolumeTemplates"][0] == before["spec"]["dataVolumeTemplates"][0]);
  CHECK(is_machine_prepared(read(after), accepted, kIncident));
  CHECK_FALSE(is_machine_prepared(read(after), accepted, "inc-2"));  // which has written to that one
  CHECK(k8s::apply_json_patch(after, pin->undo).value() == before);
}

TEST_CASE("a digest in the template is not enough where the victim wrote to its disk") {
  json document = data_volume_machine();
  document["spec"]["dataVolumeTemplates"][1]["spec"]["source"]["registry"]["url"] =
      "docker://r/os@" + kDigest;
  CHECK_FALSE(is_machine_prepared(read(document), {trusted("datavolume/root")}, kIncident));
}

TEST_CASE("another digest within the same incident is another DataVolume") {
  const auto first = plan_machine_pin(data_volume_machine(), {trusted("datavolume/root")}, kIncident);
  const json pinned = k8s::apply_json_patch(data_volume_machine(), first->body).value();
  TrustedImage other = trusted("datavolume/root");
  other.digest = "sha256:" + std::string(64, 'e');
  CHECK_FALSE(is_machine_prepared(read(pinned), {other}, kIncident));
  const auto second = plan_machine_pin(pinned, {other}, kIncident);
  REQUIRE(second);
  const json renewed = k8s::apply_json_patch(pinned, second->body).value();
  CHECK(renewed["spec"]["dataVolumeTemplates"][1]["metadata"]["name"] !=
        pinned["spec"]["dataVolumeTemplates"][1]["metadata"]["name"]);
  CHECK(is_machine_prepared(read(renewed), {other}, kIncident));
}

TEST_CASE("the names of generations do not grow") {
  const std::string first = next_data_volume_name("web-root", "inc-1", kDigest);
  const std::string second = next_data_volume_name(first, "inc-2", kDigest);
  CHECK(first.starts_with("web-root-k"));
  CHECK(second.size() == first.size());
  CHECK(second != first);
  CHECK(next_data_volume_name(first, "inc-1", kDigest) == first);
  CHECK(next_data_volume_name(std::string(80, 'x'), "inc-1", kDigest).size() <= 63);
  CHECK(next_data_volume_name("web-kaaaaaaaz", "inc-1", kDigest).starts_with("web-kaaaaaaaz-k"));
}

TEST_CASE("an instance that was made before the pin does not start as the template says") {
  const Machine on_disk_image = read(container_disk_machine());
  const Machine on_data_volume = read(data_volume_machine());
  const auto made_of = [](const Machine& machine) {
    MachineInstance instance;
    instance.kernel_boot_image = machine.kernel_boot_image;
    instance.volumes = machine.volumes;
    return instance;
  };
  CHECK(starts_as_template(made_of(on_disk_image), on_disk_image));
  CHECK(starts_as_template(made_of(on_data_volume), on_data_volume));

  struct Case {
    const char* what;
    const Machine& machine;
    void (*change)(MachineInstance&);
    bool expected;
  };
  const Case cases[] = {
      {"another image", on_disk_image, [](MachineInstance& i) { i.volumes[0].reference = "r/os:0"; }, false},
      {"the disk of before", on_data_volume, [](MachineInstance& i) { i.volumes[0].reference = "web-0"; },
       false},
      {"a claim in its place", on_data_volume,
       [](MachineInstance& i) { i.volumes[0].source = MachineVolume::Source::kPersistent; }, false},
      {"no such volume", on_data_volume, [](MachineInstance& i) { i.volumes.clear(); }, false},
      {"another kernel", on_disk_image, [](MachineInstance& i) { i.kernel_boot_image = "r/kernel:0"; },
       false},
      {"another data disk", on_disk_image, [](MachineInstance& i) { i.volumes[1].reference = "e"; }, true},
      {"a disk that was plugged in", on_disk_image,
       [](MachineInstance& i) { i.volumes.push_back({"new", MachineVolume::Source::kPersistent, "c"}); },
       true},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    MachineInstance instance = made_of(c.machine);
    c.change(instance);
    CHECK(starts_as_template(instance, c.machine) == c.expected);
  }
}

TEST_CASE("which machines can be restarted") {
  Machine machine = read(container_disk_machine());
  for (const char* strategy : {"Always", "RerunOnFailure", "Manual"}) {
    machine.run_strategy = strategy;
    CHECK(can_restart(machine));
  }
  for (const char* strategy : {"Halted", "Once", "WaitAsReceiver", ""}) {
    machine.run_strategy = strategy;
    CHECK_FALSE(can_restart(machine));
  }
  const Action action = plan_restart(machine, "i1");
  CHECK(action.id == "redeploy/restart/i1");
  CHECK(action.kind == Action::Kind::kInvoke);
  CHECK(json::parse(action.body) == json({{"gracePeriodSeconds", 0}}));
}

TEST_CASE("when a machine counts as redeployed and as recovered") {
  struct Case {
    const char* what;
    void (*change)(MachineReplacement&);
    const char* redeployed;
    const char* recovered;
  };
  const Case cases[] = {
      {"as it should be", [](MachineReplacement&) {}, "AcceptedDigests", "Ready"},
      {"nothing there", [](MachineReplacement& now) { now.instance.reset(); }, "InstanceMissing",
       "InstanceMissing"},
      {"the victim", [](MachineReplacement& now) { now.instance->meta.uid = "i1"; }, "VictimRuns",
       "VictimRuns"},
      {"no launcher", [](MachineReplacement& now) { now.launchers.clear(); }, "LauncherMissing",
       "LauncherMissing"},
      {"another digest",
       [](MachineReplacement& now) { now.launchers[0].containers[1].image_id = "r/os@" + kOther; },
       "UnacceptedDigest", "UnacceptedDigest"},
      {"no digest yet", [](MachineReplacement& now) { now.launchers[0].containers[1].image_id.clear(); },
       "ImageNotReported", "ImageNotReported"},
      {"no such container", [](MachineReplacement& now) { now.launchers[0].containers.pop_back(); },
       "ImageNotReported", "ImageNotReported"},
      {"not running", [](MachineReplacement& now) { now.instance->phase = "Scheduled"; }, "AcceptedDigests",
       "NotRunning"},
      {"paused", [](MachineReplacement& now) { now.instance->paused = true; }, "AcceptedDigests", "Paused"},
      {"not ready", [](MachineReplacement& now) { now.instance->ready = false; }, "AcceptedDigests",
       "NotReady"},
  };
  for (const Case& row : cases) {
    INFO(row.what);
    MachineReplacement now = replaced("r/os@" + kDigest);
    row.change(now);
    CHECK(assess_machine_redeployed(now, "i1", kAccepted).reason == row.redeployed);
    CHECK(assess_machine_recovered(now, "i1", kAccepted, false).reason == row.recovered);
  }
}

TEST_CASE("a guest agent that was connected has to be so again") {
  MachineReplacement now = replaced("r/os@" + kDigest);
  CHECK(assess_machine_recovered(now, "i1", kAccepted, true).reason == "AgentNotConnected");
  now.instance->agent_connected = true;
  CHECK(assess_machine_recovered(now, "i1", kAccepted, true).holds());
}
