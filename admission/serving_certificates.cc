// SPDX-License-Identifier: Apache-2.0
#include "admission/serving_certificates.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "net/tls_context.h"

namespace kintsugi::admission {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxPemBytes = 64u << 10;

std::string read_text(const json& data, const char* key) {
  const auto found = data.find(key);
  if (found == data.end() || !found->is_string()) return {};
  auto text = base64_decode(found->get_ref<const std::string&>());
  return text && text->size() <= kMaxPemBytes ? std::move(*text) : std::string();
}

std::optional<ServingCertificate> read_pair(const json& data, const char* certificate, const char* key) {
  net::ServerTls tls{read_text(data, certificate), Secret(read_text(data, key))};
  auto facts = net::read_serving_facts(tls.certificate_pem);
  if (!facts || !net::make_server_tls(tls)) return std::nullopt;
  return ServingCertificate{std::move(tls), std::move(*facts)};
}

Result<ServingCertificate> make_certificate(const std::vector<std::string>& names, WallTime now) {
  auto tls = net::make_self_signed({names, now - kClockSkew, now + kCertificateLife});
  if (!tls) return tl::unexpected(std::move(tls).error());
  auto facts = net::read_serving_facts(tls->certificate_pem);
  if (!facts) return tl::unexpected(std::move(facts).error());
  return ServingCertificate{std::move(*tls), std::move(*facts)};
}

bool is_usable(const std::optional<ServingCertificate>& certificate,
               const std::vector<std::string>& sorted_names, WallTime now) {
  return certificate && certificate->facts.names == sorted_names && certificate->facts.not_before <= now &&
         now < certificate->facts.not_after;
}

/// `successor` is served from now on.
ServingCertificates succeeded(const ServingCertificates& certificates, ServingCertificate successor) {
  const std::string previous = certificates.current ? certificates.current->tls.certificate_pem : "";
  return {std::move(successor), std::nullopt, previous};
}

}  // namespace

std::string ServingCertificates::bundle_pem() const {
  std::string bundle = previous_pem;
  if (current) bundle += current->tls.certificate_pem;
  if (next) bundle += next->tls.certificate_pem;
  return bundle;
}

ServingCertificates read_certificates(const json& secret_data) {
  if (!secret_data.is_object()) return {};
  ServingCertificates certificates{read_pair(secret_data, "tls.crt", "tls.key"),
                                   read_pair(secret_data, "next.crt", "next.key"),
                                   read_text(secret_data, "previous.crt")};
  if (!net::read_serving_facts(certificates.previous_pem)) certificates.previous_pem.clear();
  return certificates;
}

json write_certificates(const ServingCertificates& certificates) {
  json data = json::object();
  const auto put = [&](const std::optional<ServingCertificate>& one, const char* certificate,
                       const char* key) {
    if (!one) return;
    data[certificate] = base64_encode(one->tls.certificate_pem);
    data[key] = base64_encode(one->tls.key_pem.reveal());
  };
  put(certificates.current, "tls.crt", "tls.key");
  put(certificates.next, "next.crt", "next.key");
  if (!certificates.previous_pem.empty()) data["previous.crt"] = base64_encode(certificates.previous_pem);
  return data;
}

Result<std::optional<ServingCertificates>> renew_certificates(const ServingCertificates& certificates,
                                                              const std::vector<std::string>& names,
                                                              WallTime now) {
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  const bool has_current = is_usable(certificates.current, sorted, now);
  if (has_current && now < certificates.current->facts.not_after - kRenewBeforeEnd) return std::nullopt;
  if (is_usable(certificates.next, sorted, now)) {
    const WallTime made_known = certificates.next->facts.not_before + kClockSkew;
    if (has_current && now < made_known + kOverlap) return std::nullopt;
    return succeeded(certificates, *certificates.next);
  }
  auto made = make_certificate(names, now);
  if (!made) return tl::unexpected(std::move(made).error());
  if (!has_current) return succeeded(certificates, std::move(*made));
  ServingCertificates renewed = certificates;
  renewed.next = std::move(*made);
  return renewed;
}

}  // namespace kintsugi::admission
