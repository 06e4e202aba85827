// SPDX-License-Identifier: Apache-2.0
#include "host/domain_inventory.h"

#include <algorithm>

namespace kintsugi::host {
namespace {

/// Not everything that is changed about a domain is told.
constexpr std::chrono::seconds kTrusted{5};

}  // namespace

Result<DomainInventory::Domains> DomainInventory::domains() {
  const MonotonicTime now = clock_.monotonic();
  std::uint64_t reading = 0;
  {
    std::lock_guard lock(mutex_);
    if (is_current_ && now < read_at_ + kTrusted) return domains_;
    is_current_ = true;  // before it is read: what changes meanwhile is looked at again
    reading = ++begun_;
  }
  const auto listed = hypervisor_.list();
  if (!listed) {
    forget();
    return fail(listed.error());
  }
  auto read_now = std::make_shared<std::vector<KnownDomain>>();
  for (const targets::DomainSummary& summary : *listed) {
    auto domain = read(summary);
    if (!domain) {
      forget();
      return fail(std::move(domain).error());
    }
    if (*domain) read_now->push_back(**std::move(domain));
  }
  std::lock_guard lock(mutex_);
  if (reading < reading_) return domains_;  // who began after a change may have been quicker
  domains_ = std::move(read_now);
  reading_ = reading;
  read_at_ = now;
  return domains_;
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
  is_current_ = false;
}

std::optional<KnownDomain> DomainInventory::known(const std::string& uuid) const {
  std::lock_guard lock(mutex_);
  if (domains_ == nullptr) return std::nullopt;
  const auto found = std::find_if(domains_->begin(), domains_->end(),
                                  [&](const KnownDomain& one) { return one.domain.uuid == uuid; });
  return found == domains_->end() ? std::nullopt : std::optional(*found);
}

}  // namespace kintsugi::host
