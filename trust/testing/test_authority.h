// SPDX-License-Identifier: Apache-2.0
//
// Certificates, certificate timestamps and RFC 3161 timestamps for tests, made in the process, good or wrong
// in one chosen way.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "trust/crypto/certificate_chain.h"

struct evp_pkey_st;

namespace kintsugi::trust::testing {

/// 2026-01-01T00:00:00Z: in the middle of what is valid unless said otherwise.
inline constexpr WallTime kTestTime{std::chrono::seconds(1'767'225'600)};

struct CertificateFields {
  std::string name = "test";  ///< common name of the subject; empty: no subject
  std::string key = "P-256";
  const char* hash = "SHA256";
  WallTime not_before = kTestTime - std::chrono::hours(1);
  WallTime not_after = kTestTime + std::chrono::hours(1);
  /// Names and values as in openssl.cnf, also "1.2.3" and "critical,DER:05:00".
  std::vector<std::pair<std::string, std::string>> extensions;

  /// Replaces an extension's value, adds it, or takes it away where `value` is empty.
  CertificateFields& set(const std::string& extension, const std::string& value);
};

/// Of a root or an intermediate, as RFC 5280 demands.
CertificateFields authority_fields(const std::string& name);
/// Of a leaf without a subject, as Fulcio's, or of a time stamper.
CertificateFields leaf_fields(LeafUsage usage = LeafUsage::kCodeSigning);

/// A certificate and its key.
class TestSigner {
 public:
  /// Given the part that is signed, without the timestamps: a SignedCertificateTimestampList.
  using Log = std::function<std::string(const std::string& precertificate)>;

  /// One signed by itself.
  static TestSigner root(const CertificateFields& fields = authority_fields("root"));
  /// One signed by this. `log`: what is embedded in it as the extension of certificate timestamps.
  TestSigner issue(const CertificateFields& fields, const Log& log = {}) const;

  const Certificate& certificate() const { return *certificate_; }
  /// An authority of these certificates, valid at any time.
  static CertificateAuthority authority(const std::vector<TestSigner>& chain);

  struct Stamp {
    WallTime time = kTestTime;
    const char* imprint = "SHA256";
    const char* hash = "SHA256";  ///< of the signature
    bool brings_certificate = true;
    bool names_itself = false;  ///< in `tsa`
  };
  /// A TimeStampResp over these bytes.
  std::string stamp(std::string_view bytes, const Stamp& stamp) const;

 private:
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<const Certificate> certificate_;
};

}  // namespace kintsugi::trust::testing
