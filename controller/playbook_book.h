// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/playbook.h"
#include "targets/isolation/isolation_proof.h"

namespace kintsugi::trust {
struct TrustPolicy;
}

namespace kintsugi::controller {

/// The playbooks and trust policies in force, the mode cap, and what the network does with policies. Readers
/// get a snapshot that does not change under them; writers replace it. Thread-safe.
class PlaybookBook {
 public:
  using Playbooks = std::shared_ptr<const std::vector<Playbook>>;
  using Policies = std::shared_ptr<const std::vector<trust::TrustPolicy>>;

  PlaybookBook();
  ~PlaybookBook();

  Playbooks playbooks() const;
  Policies policies() const;
  Mode cluster_cap() const;
  /// What is known of how the network treats policies.
  isolation::NetworkFacts network_facts() const;
  /// The playbook of that name, kept alive by the snapshot that it points into; nullptr where there is none.
  std::shared_ptr<const Playbook> find(const std::string& name) const;

  void set_playbooks(std::vector<Playbook> playbooks);
  void set_policies(std::vector<trust::TrustPolicy> policies);
  void set_cluster_cap(Mode cap);
  void set_network_facts(isolation::NetworkFacts facts);

 private:
  mutable std::mutex mutex_;
  Playbooks playbooks_;
  Policies policies_;
  Mode cluster_cap_ = Mode::kFull;
  isolation::NetworkFacts network_facts_;
};

}  // namespace kintsugi::controller
