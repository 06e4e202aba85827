// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/signer_certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/time.h"
#include "trust/crypto/certificate.h"
#include "trust/crypto/certificate_timestamp.h"
#include "trust/crypto/reasons.h"
#include "trust/crypto/timestamp.h"

namespace kintsugi::trust {
namespace {

tl::unexpected<Error> refuse(const char* why, std::string message) {
  return fail(make_error(ErrorCode::kRefused, std::move(message)).because(why));
}

/// Verification against one root.
class Certification {
 public:
  Certification(const VerificationMaterial& material, const LoggedSignature& logged, const Certificate& leaf,
                const TrustedRoot& root)
      : material_(material), logged_(logged), leaf_(leaf), root_(root) {}

  /// Fills in times and logs.
  Result<void> run(CertifiedSigner& signer) {
    if (auto done = read_timestamps(); !done) return done;
    if (auto done = read_log_entries(); !done) return done;
    if (times_.empty())
      return unwitnessed(reason::kTimeUnknown, "nothing that is trusted says when it was signed");
    if (logs_.empty())
      return unwitnessed(reason::kLogEntryMissing, "the signature is in no log that is trusted");
    if (auto done = check_log_validity(); !done) return done;
    if (auto done = check_certificate(); !done) return done;
    signer.times = std::move(times_);
    signer.logs = std::move(logs_);
    return {};
  }

 private:
  /// What a witness unknown to the root says is no evidence; it is worth telling where there is no other.
  tl::unexpected<Error> unwitnessed(const char* why, const char* message) {
    return unknown_witness_ ? fail(std::move(*unknown_witness_)) : refuse(why, message);
  }

  Result<void> read_timestamps() {
    for (const std::string& response : material_.timestamps) {
      const auto time = verify_timestamp(response, logged_.signature, root_.timestamp_authorities);
      if (time) {
        times_.push_back(*time);
      } else if (time.error().reason == reason::kTimestampUntrusted) {
        unknown_witness_ = time.error();
      } else {
        return fail(time.error());
      }
    }
    return {};
  }

  Result<void> read_log_entries() {
    for (const LogEntry& entry : material_.log_entries) {
      auto proof = verify_log_entry(entry, logged_, root_.logs);
      if (proof) {
        if (proof->integrated_time) times_.push_back(*proof->integrated_time);
        logs_.push_back(std::move(*proof));
      } else if (proof.error().reason == reason::kLogEntryUntrusted) {
        unknown_witness_ = std::move(proof).error();
      } else {
        return fail(std::move(proof).error());
      }
    }
    return {};
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

  /// One of the root's authorities has to have issued the leaf, for every time.
  Result<void> check_certificate() const {
    std::optional<Error> nearest;
    for (const CertificateAuthority& authority : root_.certificate_authorities) {
      auto checked = check_issued_by(authority);
      if (checked) return checked;
      if (!nearest || nearest->reason == reason::kCertificateUntrusted) nearest = std::move(checked).error();
    }
    if (nearest) return fail(std::move(*nearest));
    return refuse(reason::kCertificateUntrusted, "the trusted root has no certificate authority");
  }

  Result<void> check_issued_by(const CertificateAuthority& authority) const {
    std::vector<Certificate> chain;
    for (const WallTime time : times_) {
      auto verified = verify_chain(leaf_, authority, time, LeafUsage::kCodeSigning);
      if (!verified) return fail(std::move(verified).error());
      chain = std::move(*verified);
    }
    if (chain.size() < 2)
      return refuse(reason::kCertificateUntrusted, "the certificate that signed is an authority's own");
    return verify_certificate_timestamp(leaf_, chain[1], root_.certificate_logs);
  }

  const VerificationMaterial& material_;
  const LoggedSignature& logged_;
  const Certificate& leaf_;
  const TrustedRoot& root_;
  std::vector<WallTime> times_;
  std::vector<LogProof> logs_;
  std::optional<Error> unknown_witness_;
};

/// How far an error is from "not of this instance at all".
bool is_foreign(const Error& error) {
  return error.reason == reason::kLogEntryUntrusted || error.reason == reason::kTimestampUntrusted ||
         error.reason == reason::kCertificateUntrusted;
}

}  // namespace

Result<CertifiedSigner> certify_signer(const VerificationMaterial& material, LoggedSignature logged,
                                       std::span<const TrustedRoot> roots) {
  if (roots.empty()) {
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
  logged.certificate = leaf->der();
  logged.public_key = {};
  CertifiedSigner signer{std::move(*key), std::move(*identity), {}, {}};
  std::optional<Error> nearest;
  for (const TrustedRoot& root : roots) {
    auto done = Certification(material, logged, *leaf, root).run(signer);
    if (done) return signer;
    if (!nearest || is_foreign(*nearest)) nearest = std::move(done).error();
  }
  return fail(std::move(*nearest));
}

}  // namespace kintsugi::trust
