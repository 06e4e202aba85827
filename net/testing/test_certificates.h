// SPDX-License-Identifier: Apache-2.0
//
// Certificates for tests, made in the process. Never for anything else: the keys live in plain strings.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace kintsugi::net {

struct TestCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

/// A certificate authority with an ECDSA P-256 key.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "kintsugi test authority");
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  /// What clients trust.
  const std::string& certificate_pem() const { return certificate_pem_; }
  /// A leaf for these names (DNS names or IP addresses), valid from an hour before `ends_in` or now,
  /// whichever is earlier, until `ends_in` from now; a negative one has expired.
  TestCertificate issue(const std::vector<std::string>& names,
                        std::chrono::seconds ends_in = std::chrono::hours(24)) const;

 private:
  evp_pkey_st* key_;
  x509_st* certificate_;
  std::string certificate_pem_;
};

}  // namespace kintsugi::net
