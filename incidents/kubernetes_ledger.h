// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "incidents/ledger.h"
#include "k8s-client/client/client.h"

namespace kintsugi::incidents {

/// The ledger in sixteen ConfigMaps of the controller's namespace, "kintsugi-ledger-<shard>": one key an
/// incident, and the key "totals". The shard follows from the incident's UID, so that folding again, by
/// anybody, meets the same key; and because a shard's totals are in the object of its records, one write
/// takes records away and adds them to the totals. A shard keeps 1,500 records one by one, which with its
/// totals fits into the 1 MiB of a ConfigMap.
class KubernetesLedger final : public Ledger {
 public:
  /// `client` must outlive this object.
  KubernetesLedger(k8s::Client& client, std::string name_space);

  Result<void> fold(const LedgerRecord& record) override;
  Result<LedgerContents> load() override;
  Result<std::vector<LedgerRecord>> compact(const Compaction& compaction) override;

 private:
  Result<std::vector<LedgerRecord>> compact_shard(const nlohmann::json& shard, const Compaction& compaction);

  k8s::Client& client_;
  const std::string name_space_;
};

}  // namespace kintsugi::incidents
