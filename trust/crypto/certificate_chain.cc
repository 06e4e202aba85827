// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/certificate_chain.h"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/time.h"
#include "trust/crypto/openssl.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

/// Validity is checked apart: OpenSSL takes the last second of a certificate for one after its end.
constexpr unsigned long kFlags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_X509_STRICT |
                                 X509_V_FLAG_POLICY_CHECK | X509_V_FLAG_NO_CHECK_TIME;
/// Of OpenSSL: no key or signature of less than 112 bits, thus neither MD5 nor SHA-1, nor RSA below 2048.
constexpr int kSecurityLevel = 2;

tl::unexpected<Error> untrusted(std::string what, ErrorCode code = ErrorCode::kRefused) {
  return fail(make_error(code, std::move(what)).because(reason::kCertificateUntrusted));
}

tl::unexpected<Error> expired(const std::string& what, WallTime time) {
  return fail(make_error(ErrorCode::kRefused, what + " not valid at " + format_seconds(time))
                  .because(reason::kCertificateExpired));
}

/// The certificates that a chain of OpenSSL's points to.
std::vector<Certificate> collect(const STACK_OF(X509) * chain, const Certificate& leaf,
                                 const std::vector<Certificate>& others) {
  std::vector<Certificate> out{leaf};
  for (int i = 1; i < sk_X509_num(chain); ++i) {
    const X509* native = sk_X509_value(chain, i);
    const auto found = std::find_if(others.begin(), others.end(),
                                    [&](const Certificate& other) { return other.native() == native; });
    if (found != others.end()) out.push_back(*found);
  }
  return out;
}

Result<std::vector<Certificate>> build_chain(const Certificate& leaf,
                                             const std::vector<Certificate>& others) {
  const ErrorQueueGuard errors;
  const CertificateStack intermediates(sk_X509_new_null()), anchors(sk_X509_new_null());
  const Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  bool ready = intermediates && anchors && context;
  for (std::size_t i = 0; ready && i + 1 < others.size(); ++i) {
    ready = sk_X509_push(intermediates.get(), others[i].native()) > 0;
  }
  ready = ready && sk_X509_push(anchors.get(), others.back().native()) > 0 &&
          X509_STORE_CTX_init(context.get(), nullptr, leaf.native(), intermediates.get()) == 1;
  if (!ready) return untrusted("OpenSSL cannot start to verify a chain", ErrorCode::kInternal);
  X509_STORE_CTX_set0_trusted_stack(context.get(), anchors.get());
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(parameters, kFlags);
  X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
  X509_VERIFY_PARAM_set_depth(parameters, int(kMaxChainLength));
  if (X509_verify_cert(context.get()) != 1) {
    return untrusted(std::string("no chain to the authority: ") +
                     X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
  }
  return collect(X509_STORE_CTX_get0_chain(context.get()), leaf, others);
}

/// Has the leaf the extended key usage, in the form that it must have? OpenSSL 3.0 knows no purpose of code
/// signing, and that of time stamping is asked for here in the same way.
bool has_extended_usage(X509* leaf, LeafUsage usage) {
  int critical = -1;
  const Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free> usages(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(leaf, NID_ext_key_usage, &critical, nullptr)));
  const int count = sk_ASN1_OBJECT_num(usages.get());  // -1 where there is none
  const int wanted = usage == LeafUsage::kCodeSigning ? NID_code_sign : NID_time_stamp;
  bool found = false;
  for (int i = 0; i < count; ++i) {
    found = found || OBJ_obj2nid(sk_ASN1_OBJECT_value(usages.get(), i)) == wanted;
  }
  return found && (usage == LeafUsage::kCodeSigning || (critical == 1 && count == 1));
}

Result<void> check_leaf(const Certificate& leaf, LeafUsage usage) {
  const ErrorQueueGuard errors;
  const bool is_authority =
      X509_check_ca(leaf.native()) != 0 || (X509_get_extension_flags(leaf.native()) & EXFLAG_CA) != 0;
  if (is_authority) return untrusted("the certificate of an authority may not sign itself");
  const std::uint32_t may_sign =
      usage == LeafUsage::kCodeSigning ? KU_DIGITAL_SIGNATURE : KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION;
  if ((X509_get_key_usage(leaf.native()) & may_sign) == 0)
    return untrusted("the certificate's key usage does not allow signatures");
  if (has_extended_usage(leaf.native(), usage)) return {};
  return untrusted(usage == LeafUsage::kCodeSigning
                       ? "the certificate is not one for code signing"
                       : "the certificate is not one for time stamping alone, marked critical");
}

/// An authority whose certificate names extended key usages may not give others to its leaves, as in Go's
/// crypto/x509; one that names none may.
Result<void> check_nesting(const Certificate& authority, LeafUsage usage) {
  const ErrorQueueGuard errors;
  const std::uint32_t wanted = usage == LeafUsage::kCodeSigning ? XKU_CODE_SIGN : XKU_TIMESTAMP;
  if ((X509_get_extended_key_usage(authority.native()) & (wanted | XKU_ANYEKU)) != 0) return {};
  return untrusted("an authority's certificate does not allow the usage of the leaf");
}

}  // namespace

Result<std::vector<Certificate>> verify_chain(const Certificate& leaf, const CertificateAuthority& authority,
                                              WallTime time, LeafUsage usage) {
  if (authority.chain.empty()) return untrusted("the authority has no certificate");
  if (authority.chain.size() > kMaxChainLength)
    return untrusted("the authority has over 16 certificates", ErrorCode::kTooLarge);
  auto chain = build_chain(leaf, authority.chain);
  if (!chain) return chain;
  if (auto checked = check_leaf(leaf, usage); !checked) return fail(std::move(checked).error());
  for (auto issuer = chain->begin() + 1; issuer != chain->end(); ++issuer) {
    if (auto checked = check_nesting(*issuer, usage); !checked) return fail(std::move(checked).error());
  }
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  for (const Certificate& certificate : *chain) {
    if (second < certificate.not_before() || second > certificate.not_after())
      return expired("the certificate of \"" + certificate.subject() + "\" is", time);
  }
  if (!authority.valid_for.contains(time)) return expired("the authority is", time);
  return chain;
}

}  // namespace kintsugi::trust
