// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "incidents/ledger.h"
#include "k8s-client/client/client.h"

namespace kintsugi::incidents {

/// The ledger in ConfigMaps of the controller's namespace: "kintsugi-ledger-<year>-<month>-<shard>", one key
/// an incident. The shard follows from the incident's UID, so that folding again, by anybody, meets the same
/// key. Sixteen shards of at most 1 MiB hold about 30,000 incidents a month.
class KubernetesLedger final : public Ledger {
 public:
  /// `client` must outlive this object.
  KubernetesLedger(k8s::Client& client, std::string name_space);

  Result<void> fold(const LedgerRecord& record) override;
  Result<std::vector<LedgerRecord>> load() override;

 private:
  k8s::Client& client_;
  const std::string name_space_;
};

}  // namespace kintsugi::incidents
