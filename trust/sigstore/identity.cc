// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/escape.h"
#include "trust/crypto/asn1.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxShownBytes = 256;
constexpr char kIssuerOid[] = "1.3.6.1.4.1.57264.1.8";
constexpr char kOldIssuerOid[] = "1.3.6.1.4.1.57264.1.1";

struct Claim {
  const char* oid;
  std::string_view name;
};
constexpr std::array kClaims = {
    Claim{"1.3.6.1.4.1.57264.1.9", "buildSignerURI"},
    Claim{"1.3.6.1.4.1.57264.1.10", "buildSignerDigest"},
    Claim{"1.3.6.1.4.1.57264.1.11", "runnerEnvironment"},
    Claim{"1.3.6.1.4.1.57264.1.12", "sourceRepositoryURI"},
    Claim{"1.3.6.1.4.1.57264.1.13", "sourceRepositoryDigest"},
    Claim{"1.3.6.1.4.1.57264.1.14", "sourceRepositoryRef"},
    Claim{"1.3.6.1.4.1.57264.1.15", "sourceRepositoryIdentifier"},
    Claim{"1.3.6.1.4.1.57264.1.16", "sourceRepositoryOwnerURI"},
    Claim{"1.3.6.1.4.1.57264.1.17", "sourceRepositoryOwnerIdentifier"},
    Claim{"1.3.6.1.4.1.57264.1.18", "buildConfigURI"},
    Claim{"1.3.6.1.4.1.57264.1.19", "buildConfigDigest"},
    Claim{"1.3.6.1.4.1.57264.1.20", "buildTrigger"},
    Claim{"1.3.6.1.4.1.57264.1.21", "runInvocationURI"},
    Claim{"1.3.6.1.4.1.57264.1.22", "sourceRepositoryVisibilityAtSigning"},
    Claim{"1.3.6.1.4.1.57264.1.23", "deploymentEnvironment"},
};

tl::unexpected<Error> invalid(std::string what) {
  return fail(make_error(ErrorCode::kInvalidInput, "malformed certificate: " + std::move(what))
                  .because(reason::kCertificateInvalid));
}

tl::unexpected<Error> mismatch(std::string what) {
  return fail(make_error(ErrorCode::kRefused, std::move(what)).because(reason::kIdentityMismatch));
}

Result<std::string> read_claim(const Certificate& certificate, const char* oid, std::string_view name) {
  auto der = certificate.extension(oid);
  if (!der) return fail(std::move(der).error());
  if (!*der) return std::string();
  auto text = parse_utf8_string(**der);
  if (!text) return invalid(fmt::format("its {} is no UTF8String", name));
  return *std::move(text);
}

Result<std::string> read_issuer(const Certificate& certificate) {
  auto issuer = read_claim(certificate, kIssuerOid, "issuer");
  if (!issuer || !issuer->empty()) return issuer;
  auto old = certificate.extension(kOldIssuerOid);
  if (!old) return fail(std::move(old).error());
  return old->value_or(std::string());
}

std::string shown(std::string_view text) {
  return "\"" + escape(text, kMaxShownBytes) + "\"";
}

/// Why a text does not fit.
std::string misfit(std::string_view what, const std::string& found, const TextRule& rule, bool in_part) {
  return fmt::format("the {} is {} and not {}{}", what, found, rule.to_string(),
                     in_part ? ", which matches a part of it: the whole value must match" : "");
}

}  // namespace

Result<Identity> identity_of(const Certificate& certificate) {
  Identity identity;
  auto issuer = read_issuer(certificate);
  if (!issuer) return fail(std::move(issuer).error());
  identity.issuer = std::move(*issuer);
  auto names = certificate.alternative_names();
  if (!names) return fail(std::move(names).error());
  for (AlternativeName& name : *names) identity.names.push_back(std::move(name.text));
  for (const Claim& claim : kClaims) {
    auto text = read_claim(certificate, claim.oid, claim.name);
    if (!text) return fail(std::move(text).error());
    if (!text->empty()) identity.claims.emplace(claim.name, std::move(*text));
  }
  return identity;
}

bool is_claim(std::string_view name) {
  return std::any_of(kClaims.begin(), kClaims.end(), [&](const Claim& claim) { return claim.name == name; });
}

Result<void> check_identity(const Identity& identity, const IdentityRule& rule) {
  if (!rule.issuer.accepts(identity.issuer)) {
    return mismatch(
        misfit("issuer", shown(identity.issuer), rule.issuer, rule.issuer.accepts_part_of(identity.issuer)));
  }
  const auto& names = identity.names;
  const auto accepts = [&](const std::string& name) { return rule.subject.accepts(name); };
  const auto accepts_part = [&](const std::string& name) { return rule.subject.accepts_part_of(name); };
  if (std::none_of(names.begin(), names.end(), accepts)) {
    std::string found;
    for (const std::string& name : names) found += (found.empty() ? "" : ", ") + shown(name);
    return mismatch(misfit("subject", found.empty() ? "missing" : found, rule.subject,
                           std::any_of(names.begin(), names.end(), accepts_part)));
  }
  for (const auto& [name, wanted] : rule.claims) {
    const auto claim = identity.claims.find(name);
    const std::string text = claim == identity.claims.end() ? "" : claim->second;
    if (!wanted.accepts(text))
      return mismatch(misfit(name, shown(text), wanted, wanted.accepts_part_of(text)));
  }
  return {};
}

}  // namespace kintsugi::trust
