// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/timestamp_token.h"

#include <openssl/bio.h>
#include <openssl/ess.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <optional>

#include "trust/crypto/asn1.h"
#include "trust/crypto/openssl.h"

namespace kintsugi::trust {
namespace {

tl::unexpected<Error> malformed(const char* what) {
  return fail(ErrorCode::kInvalidInput, what);
}

const EVP_MD* hash_by(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  return strong_hash(object);
}

/// The certificate identifiers in a signed attribute: null where there is none, nothing where it is
/// malformed.
template <class Ids, auto Read>
std::optional<Ids> read_ids(PKCS7_SIGNER_INFO& signer, int attribute) {
  const ASN1_TYPE* value = PKCS7_get_signed_attribute(&signer, attribute);
  if (value == nullptr) return Ids();
  if (value->type != V_ASN1_SEQUENCE) return std::nullopt;
  const std::uint8_t* at = ASN1_STRING_get0_data(value->value.sequence);
  Ids ids(Read(nullptr, &at, ASN1_STRING_length(value->value.sequence)));
  if (!ids) return std::nullopt;
  return ids;
}

/// Without it the same certificate could have been issued anew for another key, or a signature over other
/// content taken for this one.
bool names_certificates(PKCS7_SIGNER_INFO& signer, const std::vector<Certificate>& chain) {
  using Ids = Owned<ESS_SIGNING_CERT, ESS_SIGNING_CERT_free>;
  using IdsV2 = Owned<ESS_SIGNING_CERT_V2, ESS_SIGNING_CERT_V2_free>;
  const auto ids = read_ids<Ids, d2i_ESS_SIGNING_CERT>(signer, NID_id_smime_aa_signingCertificate);
  const auto ids_v2 = read_ids<IdsV2, d2i_ESS_SIGNING_CERT_V2>(signer, NID_id_smime_aa_signingCertificateV2);
  const CertificateStack stack(sk_X509_new_null());
  if (!ids || !ids_v2 || !stack) return false;
  for (const Certificate& certificate : chain) {
    if (sk_X509_push(stack.get(), certificate.native()) <= 0) return false;
  }
  constexpr int kRequired = 1;
  return OSSL_ESS_check_signing_certs(ids->get(), ids_v2->get(), stack.get(), kRequired) == 1;
}

/// A signature whose attributes do not say what it is over could be one over something else (RFC 5652 §11.1).
bool is_over_timestamp(PKCS7_SIGNER_INFO& signer) {
  const ASN1_TYPE* type = PKCS7_get_signed_attribute(&signer, NID_pkcs9_contentType);
  return type != nullptr && type->type == V_ASN1_OBJECT &&
         OBJ_obj2nid(type->value.object) == NID_id_smime_ct_TSTInfo;
}

/// Does the algorithm that the signature is said to be of fit its hash and the signer's key, which alone
/// decide?
bool names_algorithm(const PKCS7_SIGNER_INFO& signer, const Certificate& certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate.native());
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, signer.digest_enc_alg);
  const int algorithm = OBJ_obj2nid(object);
  if (key == nullptr || algorithm == NID_undef) return false;
  const int kind = EVP_PKEY_get_base_id(key);
  if (algorithm == NID_rsaEncryption) return kind == EVP_PKEY_RSA;
  int hash = NID_undef, signature = NID_undef;
  return OBJ_find_sigid_algs(algorithm, &hash, &signature) == 1 && signature == kind &&
         hash == EVP_MD_get_type(hash_by(signer.digest_alg));
}

}  // namespace

const EVP_MD* strong_hash(const ASN1_OBJECT* algorithm) {
  switch (OBJ_obj2nid(algorithm)) {
    case NID_sha256: return EVP_sha256();
    case NID_sha384: return EVP_sha384();
    case NID_sha512: return EVP_sha512();
    default: return nullptr;
  }
}

Result<TimestampToken> TimestampToken::read(PKCS7& token) {
  // What kind of content it has was checked when the response was read: a TSTInfo in an OCTET STRING.
  if (!is_der(text_of(token.d.sign->contents->d.other->value.octet_string)))
    return malformed("its content is not DER");
  const STACK_OF(PKCS7_SIGNER_INFO)* signers = PKCS7_get_signer_info(&token);
  if (sk_PKCS7_SIGNER_INFO_num(signers) != 1) return malformed("it has not one signer");
  PKCS7_SIGNER_INFO& signer = *sk_PKCS7_SIGNER_INFO_value(signers, 0);
  if (ASN1_INTEGER_get(token.d.sign->version) != 3 || ASN1_INTEGER_get(signer.version) != 1)
    return malformed("a version that is not that of RFC 5652");
  const STACK_OF(X509_ALGOR)* hashes = token.d.sign->md_algs;
  if (sk_X509_ALGOR_num(hashes) != 1 || hash_by(sk_X509_ALGOR_value(hashes, 0)) == nullptr ||
      hash_by(signer.digest_alg) != hash_by(sk_X509_ALGOR_value(hashes, 0))) {
    return malformed("it is not signed by one hash of SHA-256, SHA-384 and SHA-512");
  }
  const STACK_OF(X509)* brought = token.d.sign->cert;
  if (sk_X509_num(brought) > int(kMaxChainLength)) return malformed("it brings over 16 certificates");
  std::vector<Certificate> certificates;
  for (int i = 0; i < sk_X509_num(brought); ++i) {
    auto certificate = Certificate::parse_der(encode<i2d_X509>(sk_X509_value(brought, i)));
    if (!certificate) return fail(std::move(certificate).error());
    certificates.push_back(std::move(*certificate));
  }
  return TimestampToken(token, signer, std::move(certificates));
}

bool TimestampToken::is_signer(const Certificate& certificate) const {
  const PKCS7_ISSUER_AND_SERIAL& named = *signer_->issuer_and_serial;
  return X509_NAME_cmp(named.issuer, X509_get_issuer_name(certificate.native())) == 0 &&
         ASN1_INTEGER_cmp(named.serial, X509_get0_serialNumber(certificate.native())) == 0;
}

std::vector<Certificate> TimestampToken::possible_signers(const CertificateAuthority& authority) const {
  const ErrorQueueGuard errors;
  const bool lists_leaf = !authority.chain.empty() && X509_check_ca(authority.chain.front().native()) == 0;
  std::vector<Certificate> out = certificates_;
  if (lists_leaf) out = {authority.chain.front()};
  std::erase_if(out, [&](const Certificate& certificate) { return !is_signer(certificate); });
  return out;
}

bool TimestampToken::is_signed_by(const std::vector<Certificate>& chain) const {
  const ErrorQueueGuard errors;
  if (!is_over_timestamp(*signer_) || !names_certificates(*signer_, chain) ||
      !names_algorithm(*signer_, chain.front())) {
    return false;
  }
  const Owned<BIO, BIO_free_all> content(PKCS7_dataInit(token_, nullptr));
  if (!content) return false;
  std::array<char, 4096> buffer;
  while (BIO_read(content.get(), buffer.data(), int(buffer.size())) > 0) {  // hashes what it reads
  }
  return PKCS7_signatureVerify(content.get(), token_, signer_, chain.front().native()) == 1;
}

bool names_signer(TS_TST_INFO& info, const Certificate& signer) {
  const ErrorQueueGuard errors;
  GENERAL_NAME* name = TS_TST_INFO_get_tsa(&info);
  if (name == nullptr) return true;
  if (name->type == GEN_DIRNAME &&
      X509_NAME_cmp(name->d.directoryName, X509_get_subject_name(signer.native())) == 0) {
    return true;
  }
  const Owned<GENERAL_NAMES, GENERAL_NAMES_free> others(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(signer.native(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(others.get()); ++i) {
    if (GENERAL_NAME_cmp(name, sk_GENERAL_NAME_value(others.get(), i)) == 0) return true;
  }
  return false;
}

}  // namespace kintsugi::trust
