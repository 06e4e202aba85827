// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/signer_certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/time.h"
#include "trust/crypto/certificate.h"
#include "trust/crypto/certificate_timestamp.h"
#include "trust/crypto/refusal.h"
#include "trust/crypto/timestamp.h"

namespace kintsugi::trust {
namespace {

/// What the witnesses of one root say about a signature.
class Witnesses {
 public:
  /// Error: of a witness that the root knows and that is not right.
  Result<void> hear(const VerificationMaterial& material, const LoggedSignature& logged,
                    const TrustedRoot& root) {
    for (const std::string& response : material.timestamps) {
      const auto time = verify_timestamp(response, logged.signature, root.timestamp_authorities);
      if (time) {
        times_.push_back(*time);
      } else if (auto heard = pass_over(time.error(), reason::kTimestampUntrusted); !heard) {
        return heard;
      }
    }
    for (const LogEntry& entry : material.log_entries) {
      auto proof = verify_log_entry(entry, logged, root.logs);
      if (proof) {
        if (proof->integrated_time) times_.push_back(*proof->integrated_time);
        logs_.push_back(std::move(*proof));
      } else if (auto heard = pass_over(proof.error(), reason::kLogEntryUntrusted); !heard) {
        return heard;
      }
    }
    return check_log_validity();
  }

  /// A time and a log entry are needed.
  Result<void> require_both() const {
    if (times_.empty()) return lack(reason::kTimeUnknown, "nothing that is trusted says when it was signed");
    if (logs_.empty()) return lack(reason::kLogEntryMissing, "the signature is in no log that is trusted");
    return {};
  }

  const std::vector<WallTime>& times() const { return times_; }
  const std::vector<LogProof>& logs() const { return logs_; }

 private:
  /// What a witness unknown to the root says is no evidence; it is worth telling where there is no other.
  Result<void> pass_over(const Error& error, const char* untrusted) {
    if (error.reason != untrusted) return fail(error);
    unknown_ = error;
    return {};
  }

  tl::unexpected<Error> lack(const char* why, const char* message) const {
    return unknown_ ? fail(*unknown_) : refuse(why, message);
  }

  Result<void> check_log_validity() const {
    for (const LogProof& log : logs_) {
      for (const WallTime time : times_) {
        if (log.log_valid_for.contains(time)) continue;
        return refuse(reason::kLogEntryUntrusted,
                      fmt::format("the key of {} was not valid at {}", log.log_url, format_seconds(time)));
      }
    }
    return {};
  }

  std::vector<WallTime> times_;
  std::vector<LogProof> logs_;
  std::optional<Error> unknown_;
};

/// The chain from the leaf to the authority, which has to hold at every time.
Result<std::vector<Certificate>> verify_chain_at(const Certificate& leaf,
                                                 const CertificateAuthority& authority,
                                                 const std::vector<WallTime>& times) {
  std::vector<Certificate> chain;
  for (const WallTime time : times) {
    auto verified = verify_chain(leaf, authority, time, LeafUsage::kCodeSigning);
    if (!verified) return verified;
    chain = std::move(*verified);
  }
  return chain;
}

/// The first success of `check` over the authorities, or the error of the one that came nearest.
template <class Check>
Result<void> any_authority(std::span<const CertificateAuthority> authorities, const Check& check) {
  std::optional<Error> nearest;
  for (const CertificateAuthority& authority : authorities) {
    Result<void> checked = check(authority);
    if (checked) return checked;
    if (!nearest || nearest->reason == reason::kCertificateUntrusted) nearest = std::move(checked).error();
  }
  if (nearest) return fail(std::move(*nearest));
  return refuse(reason::kCertificateUntrusted, "the trusted root has no certificate authority");
}

/// A time without a promise is signed by nobody, and proves nothing; one that cannot be is a forgery all the
/// same.
Result<void> check_claimed_times(const VerificationMaterial& material, const Certificate& leaf) {
  for (const LogEntry& entry : material.log_entries) {
    if (!entry.integrated_time || !entry.signed_entry_timestamp.empty()) continue;
    if (leaf.not_before() <= *entry.integrated_time && *entry.integrated_time <= leaf.not_after()) continue;
    return refuse(reason::kCertificateExpired,
                  "the log entry's time is outside of the certificate's validity");
  }
  return {};
}

/// By one instance of Sigstore alone.
Result<void> certify_by_root(const VerificationMaterial& material, const LoggedSignature& logged,
                             const Certificate& leaf, const TrustedRoot& root, CertifiedSigner& signer) {
  Witnesses witnesses;
  if (auto heard = witnesses.hear(material, logged, root); !heard) return heard;
  if (auto enough = witnesses.require_both(); !enough) return enough;
  auto certified =
      any_authority(root.certificate_authorities, [&](const CertificateAuthority& authority) -> Result<void> {
        const auto chain = verify_chain_at(leaf, authority, witnesses.times());
        if (!chain) return fail(chain.error());
        if (chain->size() < 2)
          return refuse(reason::kCertificateUntrusted, "the certificate that signed is an authority's own");
        return verify_certificate_timestamp(leaf, (*chain)[1], root.certificate_logs);
      });
  signer.times = witnesses.times();
  signer.logs = witnesses.logs();
  return certified;
}

/// The authority with the certificates between it and the leaf that came with the signature.
Result<CertificateAuthority> extended(CertificateAuthority authority, const VerificationMaterial& material) {
  std::vector<Certificate> chain;
  for (std::size_t i = 1; i < material.certificates.size(); ++i) {
    auto certificate = Certificate::parse_der(material.certificates[i]);
    if (!certificate) return fail(std::move(certificate).error().because(reason::kCertificateInvalid));
    chain.push_back(std::move(*certificate));
  }
  authority.chain.insert(authority.chain.begin(), chain.begin(), chain.end());
  return authority;
}

Result<void> certify_by_own(const VerificationMaterial& material, const LoggedSignature& logged,
                            const Certificate& leaf, const Anchors& anchors, WallTime now,
                            CertifiedSigner& signer) {
  Witnesses witnesses;
  for (const TrustedRoot& root : anchors.roots) {
    if (auto heard = witnesses.hear(material, logged, root); !heard) return heard;
  }
  signer.times = witnesses.times().empty() ? std::vector{now} : witnesses.times();
  signer.logs = witnesses.logs();
  return any_authority(anchors.own, [&](const CertificateAuthority& authority) -> Result<void> {
    const auto whole = extended(authority, material);
    if (!whole) return fail(whole.error());
    const auto chain = verify_chain_at(leaf, *whole, signer.times);
    return chain ? Result<void>() : fail(chain.error());
  });
}

/// How far an error is from "not of this instance at all".
bool is_foreign(const Error& error) {
  return error.reason == reason::kLogEntryUntrusted || error.reason == reason::kTimestampUntrusted ||
         error.reason == reason::kCertificateUntrusted;
}

}  // namespace

Result<CertifiedSigner> certify_signer(const VerificationMaterial& material, LoggedSignature logged,
                                       const Anchors& anchors, WallTime now) {
  if (anchors.roots.empty() && anchors.own.empty()) {
    return fail(make_error(ErrorCode::kRefused, "signed with a certificate, and no trusted root is given")
                    .because(reason::kTrustedRootMissing));
  }
  if (material.certificates.empty())
    return refuse(reason::kIdentityMismatch, "signed with a bare key, which names nobody");
  auto leaf = Certificate::parse_der(material.certificates.front());
  if (!leaf) return fail(std::move(leaf).error().because(reason::kCertificateInvalid));
  auto key = leaf->public_key();
  if (!key) return fail(std::move(key).error());
  auto identity = identity_of(*leaf);
  if (!identity) return fail(std::move(identity).error());
  if (auto checked = check_claimed_times(material, *leaf); !checked) return fail(std::move(checked).error());
  logged.certificate = leaf->der();
  logged.public_key = {};
  CertifiedSigner signer{std::move(*key), std::move(*identity), {}, {}};
  if (!anchors.own.empty()) {
    auto done = certify_by_own(material, logged, *leaf, anchors, now, signer);
    return done ? Result<CertifiedSigner>(std::move(signer)) : fail(std::move(done).error());
  }
  std::optional<Error> nearest;
  for (const TrustedRoot& root : anchors.roots) {
    auto done = certify_by_root(material, logged, *leaf, root, signer);
    if (done) return signer;
    if (!nearest || is_foreign(*nearest)) nearest = std::move(done).error();
  }
  return fail(std::move(*nearest));
}

}  // namespace kintsugi::trust
