// SPDX-License-Identifier: Apache-2.0
#include "incidents/kubernetes_ledger.h"

#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/time.h"
#include "k8s-client/client/config_map.h"

namespace kintsugi::incidents {
namespace {

using nlohmann::json;

constexpr const char* kLedgerLabel = "kintsugi.dev/ledger";

std::string shard_of(const LedgerRecord& record) {
  // The month of detection never changes afterwards; the time of folding would.
  const std::string month = format_seconds(record.times.detected.value_or(WallTime())).substr(0, 7);
  return "kintsugi-ledger-" + month + "-" + sha256_hex(record.uid).substr(0, 1);
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

Result<std::vector<LedgerRecord>> KubernetesLedger::load() {
  k8s::ListParams params;
  params.label_selector = std::string(kLedgerLabel) + "=true";
  params.limit = 50;  // shards are up to 1 MiB
  auto shards = client_.list(k8s::kConfigMaps, name_space_, params);
  if (!shards) return fail(shards.error());
  std::vector<LedgerRecord> records;
  for (const json& shard : *shards) {
    if (!shard.contains("data") || !shard["data"].is_object()) continue;
    for (const auto& [uid, text] : shard["data"].items()) {
      if (!text.is_string()) continue;
      // One record that somebody edited must not take the others with it.
      auto record = parse_ledger_record(text.get<std::string>());
      if (record && record->uid == uid) records.push_back(std::move(*record));
    }
  }
  return records;
}

}  // namespace kintsugi::incidents
