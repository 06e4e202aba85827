// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/judgement.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/escape.h"
#include "trust/crypto/refusal.h"

namespace kintsugi::trust {
namespace {

constexpr const char* kPinnedDigests = "pinnedDigests";
constexpr std::size_t kMaxShownName = 64;

std::string warning_of(const TrustPolicy& policy, const Error& error) {
  return fmt::format("policy {} would refuse it: {}: {}", escape(policy.spec.name, 253), error.reason,
                     error.message);
}

}  // namespace

bool enforces(const TrustPolicy& policy) {
  return policy.spec.mode == TrustPolicySpec::Mode::kEnforce;
}

Result<Policies> find_policies(std::span<const TrustPolicy> all,
                               const std::function<bool(const TrustPolicySpec&)>& selects) {
  Policies selecting;
  for (const TrustPolicy& policy : all) {
    if (selects(policy.spec)) selecting.push_back(&policy);
  }
  const auto decides = [](const TrustPolicy* policy) { return enforces(*policy); };
  if (std::any_of(selecting.begin(), selecting.end(), decides)) return selecting;
  return refuse(reason::kNoMatchingPolicy, selecting.empty()
                                               ? "no TrustPolicy selects this image"
                                               : "only TrustPolicies in mode warn select this image");
}

Contentment pinned_by(const TrustPolicy& policy) {
  Proof proof;
  proof.policy = policy.spec.name;
  proof.authority = kPinnedDigests;
  return {{std::move(proof)}, {}};
}

bool ask_policies(const Policies& policies,
                  const std::function<Result<Contentment>(const TrustPolicy&)>& evaluate, Verdict& verdict) {
  for (const TrustPolicy* policy : policies) {
    auto content = evaluate(*policy);
    if (!enforces(*policy)) {
      if (!content) verdict.warnings.push_back(warning_of(*policy, content.error()));
      continue;
    }
    if (!content) {
      verdict = refused_by(std::move(verdict), *policy, content.error());
      return false;
    }
    verdict.policy += (verdict.policy.empty() ? "" : ", ") + policy->spec.name;
    std::move(content->proofs.begin(), content->proofs.end(), std::back_inserter(verdict.proofs));
    std::move(content->attestations.begin(), content->attestations.end(),
              std::back_inserter(verdict.attestations));
  }
  return true;
}

Verdict accept(Verdict verdict) {
  const auto signer = std::find_if(verdict.proofs.begin(), verdict.proofs.end(),
                                   [](const Proof& proof) { return !proof.signer().empty(); });
  const bool is_signed = signer != verdict.proofs.end();
  verdict.accepted = true;
  verdict.reason = is_signed ? reason::kVerified : reason::kPinned;
  verdict.message = is_signed ? fmt::format("signed by {}", signer->signer())
                              : fmt::format("pinned by {}", escape(verdict.policy, 512));
  return verdict;
}

Verdict refused_by(Verdict verdict, const TrustPolicy& policy, const Error& error) {
  verdict.policy = policy.spec.name;
  return refused(std::move(verdict), error);
}

std::optional<Verdict> refuse_revoked(const Verdict& verdict, const Policies& policies,
                                      const Digest& digest) {
  for (const TrustPolicy* policy : policies) {
    if (!enforces(*policy)) continue;
    if (const auto counts = check_digest_not_revoked(*policy, digest); !counts)
      return refused_by(verdict, *policy, counts.error());
  }
  return std::nullopt;
}

Result<void> check_digest_not_revoked(const TrustPolicy& policy, const Digest& digest) {
  if (!policy.spec.revoked.digests.contains(digest)) return {};
  return refuse(reason::kDigestRevoked, fmt::format("{} is revoked", digest.text()));
}

Result<void> check_usable(const TrustPolicy& policy) {
  if (!policy.defect) return {};
  const bool is_key_kind = policy.defect->reason == reason::kUnsupportedKey;
  return refuse(is_key_kind ? reason::kUnsupportedKey : reason::kPolicyInvalid, policy.defect->to_string());
}

Result<std::vector<Proof>> prove_by_quorum(
    const TrustPolicy& policy, const std::function<Result<Proof>(std::span<const Authority>)>& find) {
  const std::span<const Authority> all = policy.authorities;
  const bool needs_all = policy.spec.quorum == TrustPolicySpec::Quorum::kAll;
  const std::size_t together = needs_all ? 1 : all.size();
  std::vector<Proof> proofs;
  for (std::size_t first = 0; first < all.size(); first += together) {
    auto proof = find(all.subspan(first, together));
    if (!proof && needs_all) {
      proof.error().message =
          fmt::format("not signed by {}: {}", escape(all[first].name, kMaxShownName), proof.error().message);
    }
    if (!proof) return fail(std::move(proof).error());
    proofs.push_back(std::move(*proof));
  }
  return proofs;
}

}  // namespace kintsugi::trust
