// SPDX-License-Identifier: Apache-2.0
#include "controller/playbook_book.h"

#include <utility>

#include "trust/policy/trust_policy.h"

namespace kintsugi::controller {

PlaybookBook::PlaybookBook()
    : playbooks_(std::make_shared<const std::vector<Playbook>>()),
      policies_(std::make_shared<const std::vector<trust::TrustPolicy>>()) {}

PlaybookBook::~PlaybookBook() = default;

PlaybookBook::Playbooks PlaybookBook::playbooks() const {
  std::lock_guard lock(mutex_);
  return playbooks_;
}

PlaybookBook::Policies PlaybookBook::policies() const {
  std::lock_guard lock(mutex_);
  return policies_;
}

Mode PlaybookBook::cluster_cap() const {
  std::lock_guard lock(mutex_);
  return cluster_cap_;
}

std::shared_ptr<const Playbook> PlaybookBook::find(const std::string& name) const {
  const Playbooks snapshot = playbooks();
  for (const Playbook& playbook : *snapshot) {
    if (playbook.name == name) return {snapshot, &playbook};
  }
  return nullptr;
}

void PlaybookBook::set_playbooks(std::vector<Playbook> playbooks) {
  auto snapshot = std::make_shared<const std::vector<Playbook>>(std::move(playbooks));
  std::lock_guard lock(mutex_);
  playbooks_ = std::move(snapshot);
}

void PlaybookBook::set_policies(std::vector<trust::TrustPolicy> policies) {
  auto snapshot = std::make_shared<const std::vector<trust::TrustPolicy>>(std::move(policies));
  std::lock_guard lock(mutex_);
  policies_ = std::move(snapshot);
}

void PlaybookBook::set_cluster_cap(Mode cap) {
  std::lock_guard lock(mutex_);
  cluster_cap_ = cap;
}

isolation::NetworkFacts PlaybookBook::network_facts() const {
  std::lock_guard lock(mutex_);
  return network_facts_;
}

void PlaybookBook::set_network_facts(isolation::NetworkFacts facts) {
  std::lock_guard lock(mutex_);
  network_facts_ = std::move(facts);
}

}  // namespace kintsugi::controller
