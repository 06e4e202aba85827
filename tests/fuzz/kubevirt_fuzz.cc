// SPDX-License-Identifier: Apache-2.0
//
// Whatever documents KubeVirt's machines and instances are: each is read or refused, what is planned for it
// is a patch that does what it says, and no secret that is given inline gets into the evidence.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/document.h"
#include "k8s-client/core/patch.h"
#include "targets/kubernetes/redeployment.h"
#include "targets/kubevirt/launcher.h"
#include "targets/kubevirt/machine_evidence.h"
#include "targets/kubevirt/machine_links.h"
#include "targets/kubevirt/machine_readiness.h"
#include "targets/kubevirt/machine_rebuild.h"
#include "targets/kubevirt/machine_target.h"

using namespace kintsugi;
using namespace kintsugi::targets;
using nlohmann::json;

namespace {

constexpr const char* kIncident = "inc-1";
constexpr const char* kSecret = "#cloud-config hunter2";
const std::string kDigest = "sha256:" + std::string(64, 'a');

void require(bool is_so) {
  if (!is_so) std::abort();
}

json* cards_of(json& machine) {
  const json::json_pointer path("/spec/template/spec/domain/devices/interfaces");
  return machine.contains(path) && machine.at(path).is_array() ? &machine.at(path) : nullptr;
}

/// To the API server a member that is null is one that is absent.
json without_null_states(json machine) {
  json* cards = cards_of(machine);
  if (cards == nullptr) return machine;
  for (json& card : *cards) {
    if (card.is_object() && card.contains("state") && card["state"].is_null()) card.erase("state");
  }
  return machine;
}

/// KubeVirt admits no two cards of one name; a plan goes by the name.
bool has_unique_cards(json machine) {
  std::set<json> names;
  const json* cards = cards_of(machine);
  if (cards == nullptr) return true;
  for (const json& card : *cards) {
    if (card.is_object() && !names.insert(card.value("name", json())).second) return false;
  }
  return true;
}

void check_links(const json& machine, const MachineInstance& instance) {
  const auto down = plan_links_down(machine, instance);
  if (!down) return;
  const auto taken = k8s::apply_json_patch(machine, down->body);
  require(taken.has_value());
  const auto again = plan_links_down(*taken, instance);
  require(!again && again.error().code == ErrorCode::kAlreadyExists);
  const auto up = plan_links_up(*taken, *down);
  require(up.has_value());
  const auto restored = k8s::apply_json_patch(*taken, up->body);
  require(restored.has_value());
  if (has_unique_cards(machine)) require(without_null_states(*restored) == without_null_states(machine));
}

void check_rebuild(const json& document, const Machine& machine) {
  const RebuildSources sources = rebuild_sources(machine);
  std::vector<TrustedImage> accepted;
  for (const MachineImage& source : sources.images) {
    // No image is accepted whose name is no reference.
    const std::string once = pinned(source.image, kDigest);
    if (digest_of(once) != kDigest || pinned(once, kDigest) != once) return;
    TrustedImage image;
    image.container = source.container;
    image.digest = kDigest;
    accepted.push_back(image);
  }
  const auto pin = plan_machine_pin(document, accepted, kIncident);
  if (pin) {
    const auto pinned = k8s::apply_json_patch(document, pin->body);
    require(pinned.has_value());
    const auto read = machine_from(from_json(*pinned));
    require(read.has_value());
    if (sources.obstacle.empty()) require(is_machine_prepared(*read, accepted, kIncident));
    const auto again = plan_machine_pin(*pinned, accepted, kIncident);
    require(!again && again.error().code == ErrorCode::kAlreadyExists);
  }
  if (sources.images.empty()) return;
  const auto refused = plan_machine_pin(document, {}, kIncident);  // nothing is accepted
  require(!refused);
}

void check_readiness(const json& document, const std::optional<Machine>& machine,
                     const MachineInstance& instance) {
  Readiness readiness;
  readiness.containable = true;
  assess_machine_containability(instance, document, "", readiness);
  bool reaches_all = true;
  for (const MachineNetwork& network : instance.networks) reaches_all = reaches_all && network.is_down;
  if (reaches_all) require(readiness.containable);
  if (!reaches_all && instance.has_liveness_probe) require(!readiness.containable);
  if (const auto planned = plan_links_down_by_day(document, instance))
    require(k8s::apply_json_patch(document, planned->body).has_value());
  const bool is_obstructed = find_rebuild_obstacle(machine, readiness);
  require(is_obstructed || machine);
  require(!is_obstructed || (!readiness.prepared && !readiness.prepared_reason.empty()));
  if (is_obstructed) return;
  assess_machine_images(*machine, {}, readiness);
  require(!readiness.prepared);  // nothing is accepted
}

/// Puts a secret wherever cloud-init takes one, and looks for it in what is left.
void check_secrets(json document) {
  leave_out_secrets(document);
  json planted = document;
  bool is_planted = false;
  for (const char* pointer : {"/spec/volumes", "/spec/template/spec/volumes"}) {
    const json::json_pointer path(pointer);
    if (!planted.contains(path) || !planted.at(path).is_array()) continue;
    for (json& volume : planted.at(path)) {
      for (const char* source : {"cloudInitNoCloud", "cloudInitConfigDrive"}) {
        if (!volume.is_object() || !volume.contains(source) || !volume[source].is_object()) continue;
        for (const char* key : {"userData", "userDataBase64", "networkData", "networkDataBase64"}) {
          volume[source][key] = kSecret;
          is_planted = true;
        }
      }
    }
  }
  if (!is_planted || document.dump().find(kSecret) != std::string::npos) return;
  leave_out_secrets(planted);
  require(planted.dump().find(kSecret) == std::string::npos);
}

void check_machine_alone(const json& document, const Machine& machine) {
  check_rebuild(document, machine);
  (void)can_restart(machine);
  (void)plan_restart(machine, "uid");
  (void)plan_snapshot(machine, "snapshot", kIncident);
  const json earlier = memory_dump_of(document);
  const Action dump = plan_memory_dump(machine, "claim", earlier);
  require(!is_memory_dump_taken_up(dump, earlier));  // nothing has changed
  (void)progress_of_memory_dump(document, "claim");
}

void check_instance_alone(const MachineInstance& instance) {
  const Finding finding = assess_machine(instance, {}, true);
  require(finding.holds() || !finding.reason.empty());
  require(had_agent(plan_pause(instance)) == instance.agent_connected);
  const MachineReplacement same{instance, {}};
  require(!assess_machine_redeployed(same, instance.meta.uid, {}).holds());
}

}  // namespace

/// An array of a machine and an instance, or one document that is taken for both.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = parse_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!parsed) return 0;
  const bool is_pair = parsed->is_array() && parsed->size() == 2;
  const json first = is_pair ? parsed->at(0) : *parsed;
  const json second = is_pair ? parsed->at(1) : *parsed;
  for (const json& document : {first, second}) {
    check_secrets(document);
    (void)progress_of_snapshot(document);
  }
  const auto machine = machine_from(from_json(first));
  const auto instance = machine_instance_from(from_json(second));
  if (machine) check_machine_alone(first, *machine);
  if (instance) check_instance_alone(*instance);
  if (const auto launcher = pod_from(from_json(second))) {
    require(is_launcher(*launcher) == instance_of(*launcher).has_value());
    (void)plan_launcher_isolation(*launcher, kIncident, "");
  }
  if (!instance) return 0;
  check_readiness(machine ? first : json(), machine ? std::optional(*machine) : std::nullopt, *instance);
  if (machine) check_links(first, *instance);
  return 0;
}
