// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/machine_links.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/escape.h"
#include "k8s-client/core/patch.h"
#include "targets/kubernetes/object_writes.h"

namespace kintsugi::targets {
namespace {

using nlohmann::json;

constexpr const char* kCards = "/spec/template/spec/domain/devices/interfaces";
constexpr const char* kDown = "down";
constexpr DocumentLimits kUndoLimits{64u << 10, 4, 1'000};

/// The cards of a template; an empty array where it has none.
json cards_of(const json& live) {
  const json::json_pointer path(kCards);
  return live.contains(path) && live.at(path).is_array() ? live.at(path) : json::array();
}

std::string text_in(const json& card, const char* member) {
  return card.is_object() && card.contains(member) && card.at(member).is_string()
             ? card.at(member).get<std::string>()
             : std::string();
}

/// Whether the card is of a network of the instance whose link is up and can go down.
bool is_to_go_down(const json& card, const MachineInstance& instance) {
  if (text_in(card, "name").empty()) return false;
  return std::any_of(instance.networks.begin(), instance.networks.end(), [&](const MachineNetwork& network) {
    return network.has_link && !network.is_down && network.card == text_in(card, "name");
  });
}

Action patch_of(const Machine& machine, std::string_view id, const k8s::JsonPatch& patch) {
  Action action = action_on(machine.ref(), id, Action::Kind::kPatch, "virtualmachines.kubevirt.io");
  action.body = patch.to_text();
  return action;
}

/// What the cards' states were before, by name; null where nothing was said. An empty object: unreadable.
json earlier_states(const Action& down) {
  const auto undo = parse_json(down.undo, kUndoLimits);
  const bool is_known = undo && undo->is_object() && undo->contains("links") && undo->at("links").is_object();
  return is_known ? undo->at("links") : json::object();
}

}  // namespace

std::string obstacle_to_links_down(const MachineInstance& instance) {
  if (instance.has_liveness_probe) return "it has a liveness probe, which would have the launcher killed";
  if (instance.is_migrating) return "it is being migrated";
  const auto& networks = instance.networks;
  const bool has_any = std::any_of(networks.begin(), networks.end(), [](const MachineNetwork& network) {
    return network.has_link && !network.is_down;
  });
  return has_any ? "" : "KubeVirt has no link state for it";
}

Result<Action> plan_links_down(const json& live, const MachineInstance& instance, const Action* before) {
  const auto machine = machine_from(from_json(live));
  if (!machine) return fail(machine.error());
  if (!machine->gitops_owner.empty()) {
    return fail(ErrorCode::kRefused, fmt::format("the template belongs to {}, which would take it back",
                                                 escape(machine->gitops_owner, 253)));
  }
  k8s::JsonPatch patch;
  patch.test("/metadata/uid", machine->meta.uid);
  json earlier = json::object();
  std::string names;
  bool has_card = false;
  const json cards = cards_of(live);
  for (std::size_t i = 0; i < cards.size(); ++i) {
    if (!is_to_go_down(cards[i], instance)) continue;
    has_card = true;
    const std::string name = text_in(cards[i], "name");
    const std::string state = fmt::format("{}/{}/state", kCards, i);
    const json now = cards[i].value("state", json());
    if (now == kDown) continue;
    patch.test(fmt::format("{}/{}/name", kCards, i), name);
    patch.test(state, now);
    patch.add(state, kDown);
    earlier[name] = now;
    names += (names.empty() ? "" : ", ") + escape(name, 64);
  }
  if (!has_card) return fail(ErrorCode::kRefused, "its machine's template has no such card");
  if (earlier.empty()) return fail(ErrorCode::kAlreadyExists, "the template says so already");
  if (before != nullptr) earlier.update(earlier_states(*before));
  Action action = patch_of(*machine, kLinksDown, patch);
  action.undo = json({{"links", earlier}}).dump();
  action.description = fmt::format("take down the links of virtual machine {}/{}: {}",
                                   machine->meta.name_space, machine->meta.name, names);
  return action;
}

Result<Action> plan_links_up(const json& live, const Action& down) {
  const auto machine = machine_from(from_json(live));
  if (!machine) return fail(machine.error());
  const json earlier = earlier_states(down);
  k8s::JsonPatch patch;
  patch.test("/metadata/uid", machine->meta.uid);
  const std::size_t preconditions = patch.size();
  const json cards = cards_of(live);
  for (std::size_t i = 0; i < cards.size(); ++i) {
    const std::string name = text_in(cards[i], "name");
    if (!earlier.contains(name) || text_in(cards[i], "state") != kDown) continue;
    const std::string state = fmt::format("{}/{}/state", kCards, i);
    patch.test(fmt::format("{}/{}/name", kCards, i), name);
    patch.test(state, kDown);
    if (earlier.at(name).is_null()) {
      patch.remove(state);
    } else {
      patch.replace(state, earlier.at(name));
    }
  }
  if (patch.size() == preconditions) return fail(ErrorCode::kAlreadyExists, "no link is as it was left");
  Action action = patch_of(*machine, kLinksUp, patch);
  action.description =
      fmt::format("give virtual machine {}/{} its links back", machine->meta.name_space, machine->meta.name);
  return action;
}

}  // namespace kintsugi::targets
