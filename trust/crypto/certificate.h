// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "trust/crypto/public_key.h"

struct x509_st;

namespace kintsugi::trust {

inline constexpr std::size_t kMaxCertificateBytes = 64u << 10;
/// Certificates in one chain; more are an error.
inline constexpr std::size_t kMaxChainLength = 16;

/// One entry of the subject alternative name (RFC 5280 §4.2.1.6), of the kinds that signers are named by.
struct AlternativeName {
  enum class Kind : std::uint8_t { kEmail, kUri, kOtherName };
  Kind kind = Kind::kUri;
  std::string text;  ///< not escaped; of kOtherName: the UTF8String of Fulcio's 1.3.6.1.4.1.57264.1.7

  bool operator==(const AlternativeName&) const = default;
};

/// An X.509 certificate (RFC 5280): read, and nothing about it believed. Copies share it; thread-safe.
class Certificate {
 public:
  /// Reads DER with nothing after it, encoded exactly as DER demands. Errors: kInvalidInput, kTooLarge.
  static Result<Certificate> parse_der(std::string_view der);
  /// Reads one or more PEM blocks "CERTIFICATE", with nothing but white space around them, in their order.
  static Result<std::vector<Certificate>> parse_pem(std::string_view pem);

  /// The bytes that it was read from.
  const std::string& der() const { return der_; }
  /// Its SubjectPublicKeyInfo in DER, as it stands in the certificate.
  std::string public_key_der() const;
  /// Error: kUnsupported with UnsupportedKey, as PublicKey::parse().
  Result<PublicKey> public_key() const;

  /// First and last second of its validity; years that WallTime cannot hold are its ends.
  WallTime not_before() const { return not_before_; }
  WallTime not_after() const { return not_after_; }
  /// The subject's name on one line, escaped; may be empty, as Fulcio's leaves have none.
  std::string subject() const;
  /// Names of other kinds are left out. Error: kInvalidInput for an extension that is malformed or there
  /// twice, or a text with a NUL in it.
  Result<std::vector<AlternativeName>> alternative_names() const;
  /// The content of the extension's OCTET STRING, nothing where it has none. `oid` is in dotted decimals.
  /// Error: kInvalidInput where it is there twice.
  Result<std::optional<std::string>> extension(const char* oid) const;

  /// OpenSSL's own, for the files of this folder; lives as long as this object.
  x509_st* native() const { return certificate_.get(); }

 private:
  Certificate(std::shared_ptr<x509_st> certificate, std::string der, WallTime not_before, WallTime not_after)
      : certificate_(std::move(certificate)),
        der_(std::move(der)),
        not_before_(not_before),
        not_after_(not_after) {}
  std::shared_ptr<x509_st> certificate_;
  std::string der_;
  WallTime not_before_, not_after_;
};

}  // namespace kintsugi::trust
