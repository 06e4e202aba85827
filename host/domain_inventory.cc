// SPDX-License-Identifier: Apache-2.0
#include "host/domain_inventory.h"

#include <algorithm>

namespace kintsugi::host {
namespace {

/// Not everything that is changed about a domain is told.
constexpr std::chrono::seconds kTrusted{5};

}  // namespace

Result<DomainInventory::Domains> DomainInventory::domains() {
  if (auto known = trusted()) return known;
  const std::lock_guard one_at_a_time(reading_);
  if (auto known = trusted()) return known;
  return read_all();
}

/// What may be relied on; null: nothing. Where nothing has changed, nobody waits until it is read again.
DomainInventory::Domains DomainInventory::trusted() {
  std::lock_guard lock(mutex_);
  const bool is_young = clock_.monotonic() < read_at_ + kTrusted;
  return changes_ == read_at_change_ && (is_young || is_being_read_) ? domains_ : nullptr;
}

Result<DomainInventory::Domains> DomainInventory::read_all() {
  const MonotonicTime now = clock_.monotonic();
  std::uint64_t changes_before = 0;
  {
    std::lock_guard lock(mutex_);
    changes_before = changes_;  // what changes meanwhile is looked at again
    is_being_read_ = true;
  }
  auto listed = list();
  std::lock_guard lock(mutex_);
  is_being_read_ = false;
  if (!listed) {
    ++changes_;
    return fail(std::move(listed).error());
  }
  domains_ = std::make_shared<std::vector<KnownDomain>>(*std::move(listed));
  read_at_change_ = changes_before;
  read_at_ = now;
  return domains_;
}

Result<std::vector<KnownDomain>> DomainInventory::list() {
  const auto listed = hypervisor_.list();
  if (!listed) return fail(listed.error());
  std::vector<KnownDomain> domains;
  for (const targets::DomainSummary& summary : *listed) {
    auto domain = read(summary);
    if (!domain) return fail(std::move(domain).error());
    if (*domain) domains.push_back(**std::move(domain));
  }
  return domains;
}

Result<std::optional<KnownDomain>> DomainInventory::read(const targets::DomainSummary& summary) {
  auto definition = hypervisor_.persistent_definition(summary.uuid);
  if (!definition && definition.error().code == ErrorCode::kConflict)
    definition = hypervisor_.live_definition(summary.uuid);
  if (!definition) {
    const bool is_away = definition.error().retryable;
    if (is_away) return fail(std::move(definition).error());
    return std::optional<KnownDomain>();
  }
  auto domain = targets::parse_domain(*definition);
  if (!domain) return std::optional<KnownDomain>();
  return std::optional(KnownDomain{*std::move(domain), summary.is_active});
}

void DomainInventory::forget() {
  std::lock_guard lock(mutex_);
  ++changes_;
}

std::optional<KnownDomain> DomainInventory::known(const std::string& uuid) const {
  std::lock_guard lock(mutex_);
  if (domains_ == nullptr) return std::nullopt;
  const auto found = std::find_if(domains_->begin(), domains_->end(),
                                  [&](const KnownDomain& one) { return one.domain.uuid == uuid; });
  return found == domains_->end() ? std::nullopt : std::optional(*found);
}

}  // namespace kintsugi::host
