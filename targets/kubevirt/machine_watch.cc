// SPDX-License-Identifier: Apache-2.0
#include "targets/kubevirt/machine_watch.h"

#include <string_view>

#include "targets/kubevirt/objects.h"

namespace kintsugi::targets {
namespace {

constexpr std::uint32_t kPageSize = 200;
constexpr DocumentLimits kObjectLimits{3u << 20, 64, 200'000};
constexpr std::string_view kUsedMembers[] = {"generation", "metadata"};

k8s::InformerOptions options(std::uint64_t jitter) {
  k8s::InformerOptions options;
  options.name = kMachines.plural;
  options.list_watch.page_size = kPageSize;
  options.list_watch.seed = jitter;
  return options;
}

}  // namespace

std::int64_t generation_of(const Node& object) {
  const Node* metadata = object.find("metadata");
  const Node* generation = metadata == nullptr ? nullptr : metadata->find("generation");
  return generation == nullptr ? 0 : generation->as_integer().value_or(0);
}

Result<MachineWatch::Seen> MachineWatch::project(k8s::RawJson raw) {
  const auto document = parse_json_members(raw.text, kUsedMembers, kObjectLimits);
  if (!document) return fail(document.error());
  Seen seen;
  seen.generation = generation_of(*document);
  return seen;
}

MachineWatch::MachineWatch(k8s::Client& client, const Clock& clock, Logger& log, std::uint64_t jitter,
                           Handler changed)
    : source_(client, kMachines, ""), informer_(source_, project, options(jitter), clock, log) {
  informer_.add_handler([changed = std::move(changed)](const k8s::Change<Seen>& change) {
    const bool is_same_template =
        change.now == nullptr || (change.old != nullptr && change.old->generation == change.now->generation);
    if (is_same_template) return;
    const k8s::ObjectKey& key = change.now->metadata.key;
    changed(key.name_space, key.name, change.now->generation);
  });
}

void MachineWatch::begin() {
  std::call_once(begun_,
                 [this] { thread_ = std::jthread([this](std::stop_token stop) { informer_.run(stop); }); });
}

}  // namespace kintsugi::targets
