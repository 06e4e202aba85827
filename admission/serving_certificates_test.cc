// SPDX-License-Identifier: Apache-2.0
#include "admission/serving_certificates.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace kintsugi::admission {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Names = std::vector<std::string>;

const Names kNames{"kintsugi.kintsugi-system.svc"};
const WallTime kStart(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));

/// As they ought to be, or as they are where nothing is due.
ServingCertificates renewed(const ServingCertificates& from, WallTime now, const Names& names = kNames) {
  const auto change = renew_certificates(from, names, now);
  REQUIRE(change);
  return *change ? **change : from;
}

bool is_due(const ServingCertificates& certificates, WallTime now, const Names& names = kNames) {
  const auto change = renew_certificates(certificates, names, now);
  REQUIRE(change);
  return change->has_value();
}

const std::string& current(const ServingCertificates& certificates) {
  return certificates.current->tls.certificate_pem;
}

bool is_trusted(const ServingCertificates& certificates, const std::string& pem) {
  return certificates.bundle_pem().find(pem) != std::string::npos;
}

}  // namespace

TEST_CASE("the first certificate is served at once, for ninety days") {
  const ServingCertificates first = renewed({}, kStart);
  REQUIRE(first.current);
  CHECK(first.current->facts.names == kNames);
  CHECK(first.current->facts.not_before == kStart - kClockSkew);
  CHECK(first.current->facts.not_after == kStart + kCertificateLife);
  CHECK(is_trusted(first, current(first)));
  CHECK_FALSE(is_due(first, kStart));
  CHECK_FALSE(is_due(first, kStart + kCertificateLife - kRenewBeforeEnd - 1s));
}

TEST_CASE("a successor is trusted for a while before it is served, and the old one after") {
  const ServingCertificates first = renewed({}, kStart);
  const WallTime due = kStart + kCertificateLife - kRenewBeforeEnd;
  const ServingCertificates overlapping = renewed(first, due);
  REQUIRE(overlapping.next);
  CHECK(current(overlapping) == current(first));
  CHECK(is_trusted(overlapping, overlapping.next->tls.certificate_pem));
  CHECK_FALSE(is_due(overlapping, due + kOverlap - 1s));

  const ServingCertificates second = renewed(overlapping, due + kOverlap);
  CHECK(current(second) == overlapping.next->tls.certificate_pem);
  CHECK_FALSE(second.next);
  CHECK(is_trusted(second, current(first)));
  CHECK_FALSE(is_due(second, due + kOverlap + 1h));
}

TEST_CASE("a certificate that cannot serve is replaced at once") {
  const ServingCertificates first = renewed({}, kStart);
  const ServingCertificates renamed = renewed(first, kStart, {"other.kintsugi-system.svc"});
  CHECK(current(renamed) != current(first));
  CHECK(is_trusted(renamed, current(first)));
  const ServingCertificates late = renewed(first, kStart + kCertificateLife);
  CHECK(current(late) != current(first));
  CHECK(current(renewed(first, kStart - 2h)) != current(first));  // a clock went back

  const WallTime due = kStart + kCertificateLife - kRenewBeforeEnd;
  const ServingCertificates overlapping = renewed(first, due);
  CHECK(current(renewed(overlapping, kStart + kCertificateLife)) == overlapping.next->tls.certificate_pem);
}

TEST_CASE("certificates outlive their Secret's form") {
  const ServingCertificates first = renewed({}, kStart);
  const ServingCertificates all =
      renewed(renewed(renewed(first, kStart, {"a"}), kStart + 61 * 24h, {"a"}), kStart + 61 * 24h, {"a"});
  REQUIRE(all.next);
  const ServingCertificates read = read_certificates(write_certificates(all));
  REQUIRE(read.current);
  REQUIRE(read.next);
  CHECK(current(read) == current(all));
  CHECK(read.current->tls.key_pem.equals(all.current->tls.key_pem.reveal()));
  CHECK(read.current->facts.not_after == all.current->facts.not_after);
  CHECK(read.next->tls.certificate_pem == all.next->tls.certificate_pem);
  CHECK(read.previous_pem == current(first));
}

TEST_CASE("what of a Secret cannot be used counts as missing") {
  const json good = write_certificates(renewed({}, kStart));
  const json other = write_certificates(renewed({}, kStart));
  const auto with = [&](const char* key, json value) {
    json changed = good;
    changed[key] = std::move(value);
    return changed;
  };
  REQUIRE(read_certificates(good).current);
  const json cases[] = {
      nullptr,
      json::object(),
      "text",
      with("tls.crt", 1),
      with("tls.crt", "not base64!"),
      with("tls.crt", "bm90aGluZw=="),
      with("tls.key", "bm90aGluZw=="),
      with("tls.key", other["tls.key"]),  // of another certificate
      {{"tls.crt", good["tls.crt"]}},
  };
  for (const json& data : cases) {
    INFO(data.dump().substr(0, 60));
    CHECK_FALSE(read_certificates(data).current);
  }
  CHECK(read_certificates(with("previous.crt", "bm90aGluZw==")).previous_pem.empty());
}

}  // namespace kintsugi::admission
