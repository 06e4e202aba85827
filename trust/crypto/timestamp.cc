// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/timestamp.h"

#include <openssl/ts.h>
#include <openssl/x509v3.h>

#include <optional>
#include <string>
#include <vector>

#include "trust/crypto/asn1.h"
#include "trust/crypto/openssl.h"
#include "trust/crypto/reasons.h"
#include "trust/crypto/timestamp_token.h"

namespace kintsugi::trust {
namespace {

tl::unexpected<Error> invalid(std::string what, ErrorCode code = ErrorCode::kRefused) {
  return fail(make_error(code, std::move(what)).because(reason::kTimestampInvalid));
}

tl::unexpected<Error> malformed(const std::string& what) {
  return invalid("malformed timestamp: " + what, ErrorCode::kInvalidInput);
}

tl::unexpected<Error> untrusted(std::string what) {
  return fail(make_error(ErrorCode::kRefused, std::move(what)).because(reason::kTimestampUntrusted));
}

using Response = Owned<TS_RESP, TS_RESP_free>;

Result<Response> parse_response(std::string_view der) {
  if (der.size() > kMaxTimestampBytes) return invalid("timestamp over 64 KiB", ErrorCode::kTooLarge);
  if (!is_der(der)) return malformed("not DER");
  const std::uint8_t* at = bytes_of(der);
  Response response(d2i_TS_RESP(nullptr, &at, long(der.size())));
  if (!response) return malformed("no TimeStampResp of RFC 3161");
  const TS_STATUS_INFO* status = TS_RESP_get_status_info(response.get());
  if (ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(status)) != TS_STATUS_GRANTED)
    return invalid("the timestamp's status is not \"granted\"");
  if (TS_STATUS_INFO_get0_failure_info(status) != nullptr)
    return malformed("it is granted, and gives a reason of failure");
  return response;
}

/// The imprint's algorithms that are accepted.
const EVP_MD* imprint_hash(const TS_MSG_IMPRINT& imprint) {
  const ASN1_OBJECT* algorithm = nullptr;
  X509_ALGOR_get0(&algorithm, nullptr, nullptr,
                  TS_MSG_IMPRINT_get_algo(const_cast<TS_MSG_IMPRINT*>(&imprint)));
  return strong_hash(algorithm);
}

Result<void> check_imprint(TS_TST_INFO& info, std::string_view signed_bytes) {
  TS_MSG_IMPRINT* imprint = TS_TST_INFO_get_msg_imprint(&info);
  const EVP_MD* hash = imprint_hash(*imprint);
  if (hash == nullptr)
    return invalid("the timestamp's imprint is by no hash of SHA-256, SHA-384 and SHA-512");
  if (text_of(TS_MSG_IMPRINT_get_msg(imprint)) != hash_of(hash, signed_bytes))
    return invalid("the timestamp is over something else");
  return {};
}

/// The time in a TSTInfo whose other fields are as they must be.
Result<WallTime> read_info(TS_TST_INFO& info, std::string_view signed_bytes) {
  if (TS_TST_INFO_get_version(&info) != 1) return malformed("a version that is not known");
  if (TS_TST_INFO_get_ext_by_critical(&info, 1, -1) >= 0)
    return invalid("the timestamp has a critical extension, of which none is known");
  if (auto checked = check_imprint(info, signed_bytes); !checked) return fail(std::move(checked).error());
  const auto time =
      parse_asn1_time(text_of(TS_TST_INFO_get_time(&info)), TimeForm::kGeneralizedTimeWithFraction);
  if (!time) return malformed("its time is none");
  return *time;
}

}  // namespace

Result<WallTime> verify_timestamp(std::string_view response_der, std::string_view signed_bytes,
                                  std::span<const CertificateAuthority> authorities) {
  const ErrorQueueGuard errors;
  auto response = parse_response(response_der);
  if (!response) return fail(std::move(response).error());
  const auto token = TimestampToken::read(*TS_RESP_get_token(response->get()));
  if (!token) return malformed(token.error().message);
  TS_TST_INFO& info = *TS_RESP_get_tst_info(response->get());
  auto time = read_info(info, signed_bytes);
  if (!time) return time;
  std::string why = "no authority is known that could have signed the timestamp";
  bool is_signer_known = false;
  for (const CertificateAuthority& authority : authorities) {
    for (const Certificate& signer : token->possible_signers(authority)) {
      const auto chain = verify_chain(signer, authority, *time, LeafUsage::kTimeStamping);
      if (!chain) {
        why = "the timestamp's signer: " + chain.error().message;
      } else if (token->is_signed_by(*chain) && names_signer(info, signer)) {
        return *time;
      } else {
        is_signer_known = true;
      }
    }
  }
  if (is_signer_known) return invalid("the timestamp is not signed by the authority that it names");
  return untrusted(std::move(why));
}

}  // namespace kintsugi::trust
