// SPDX-License-Identifier: Apache-2.0
#include "incidents/kubernetes_ledger.h"

#include <iterator>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "k8s-client/client/config_map.h"

namespace kintsugi::incidents {
namespace {

using nlohmann::json;

constexpr const char* kLedgerLabel = "kintsugi.dev/ledger";
constexpr const char* kLedgerSelector = "kintsugi.dev/ledger=true";
constexpr const char* kTotalsKey = "totals";
/// Of at most 640 bytes each with their keys.
constexpr std::size_t kMostRecords = 1500;

std::string shard_of(const LedgerRecord& record) {
  return "kintsugi-ledger-" + sha256_hex(record.uid).substr(0, 1);
}

k8s::ApiResult<std::vector<json>> list_shards(k8s::Client& client, const std::string& name_space) {
  k8s::ListParams params;
  params.label_selector = kLedgerSelector;
  params.limit = 4;  // shards are up to 1 MiB
  return client.list(k8s::kConfigMaps, name_space, params);
}

LedgerContents read_shard(const json& shard) {
  LedgerContents contents;
  const auto data = shard.find("data");
  if (data == shard.end() || !data->is_object()) return contents;
  for (const auto& [key, text] : data->items()) {
    if (!text.is_string()) continue;
    if (key == kTotalsKey) {
      contents.totals.push_back(text.get<std::string>());
      continue;
    }
    // One record that somebody edited must not take the others with it.
    auto record = parse_ledger_record(text.get<std::string>());
    if (record && record->uid == key) contents.records.push_back(std::move(*record));
  }
  return contents;
}

template <class T>
void append(std::vector<T>& all, std::vector<T> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

KubernetesLedger::KubernetesLedger(k8s::Client& client, std::string name_space)
    : client_(client), name_space_(std::move(name_space)) {}

Result<void> KubernetesLedger::fold(const LedgerRecord& record) {
  auto kept = k8s::put_config_map_entry(client_, {name_space_, shard_of(record)}, record.uid, to_text(record),
                                        {{kLedgerLabel, "true"}});
  if (!kept) return fail(kept.error());
  return {};
}

Result<LedgerContents> KubernetesLedger::load() {
  auto shards = list_shards(client_, name_space_);
  if (!shards) return fail(shards.error());
  LedgerContents all;
  for (const json& shard : *shards) {
    LedgerContents contents = read_shard(shard);
    append(all.records, std::move(contents.records));
    append(all.totals, std::move(contents.totals));
  }
  return all;
}

Result<std::vector<LedgerRecord>> KubernetesLedger::compact(const Compaction& compaction) {
  auto shards = list_shards(client_, name_space_);
  if (!shards) return fail(shards.error());
  std::vector<LedgerRecord> all;
  for (const json& shard : *shards) {
    auto compacted = compact_shard(shard, compaction);
    // What other shards have in their totals by now must be told all the same.
    if (!compacted) return all.empty() ? std::move(compacted) : Result<std::vector<LedgerRecord>>(all);
    append(all, std::move(*compacted));
  }
  return all;
}

Result<std::vector<LedgerRecord>> KubernetesLedger::compact_shard(const json& shard,
                                                                  const Compaction& compaction) {
  LedgerContents contents = read_shard(shard);
  std::vector<LedgerRecord> chosen =
      records_to_compact(std::move(contents.records), kMostRecords, compaction);
  if (chosen.empty()) return chosen;
  auto totals = compaction.add(contents.totals.empty() ? "" : contents.totals.front(), chosen);
  const json& metadata = shard.at("metadata");
  const k8s::ObjectKey key{name_space_, metadata.at("name").get<std::string>()};
  if (!totals) return fail(std::move(totals).error().on("ConfigMap " + key.name));
  k8s::JsonPatch patch;
  patch.test("/metadata/resourceVersion", metadata.at("resourceVersion"));
  for (const LedgerRecord& record : chosen) patch.remove(k8s::json_pointer({"data", record.uid}));
  patch.add(k8s::json_pointer({"data", kTotalsKey}), *totals);
  auto patched = client_.patch(k8s::kConfigMaps, key, patch);
  if (!patched) return fail(patched.error());
  return chosen;
}

}  // namespace kintsugi::incidents
