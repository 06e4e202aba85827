// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/certificate.h"

#include <openssl/bio.h>
#include <openssl/x509v3.h>

#include "base/escape.h"
#include "trust/crypto/asn1.h"
#include "trust/crypto/openssl.h"
#include "trust/crypto/pem.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxPemBytes = 2 * kMaxChainLength * kMaxCertificateBytes;
constexpr char kFulcioUserName[] = "1.3.6.1.4.1.57264.1.7";

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(make_error(ErrorCode::kInvalidInput, "malformed certificate: " + what)
                  .because(reason::kCertificateInvalid));
}

tl::unexpected<Error> too_large(const char* what) {
  return fail(make_error(ErrorCode::kTooLarge, what).because(reason::kCertificateInvalid));
}

/// Does it encode to the bytes that it was read from? Finds what is_der() cannot know: values that are
/// written out although they are the default.
bool is_canonical(X509& certificate, std::string_view der) {
  const Owned<X509, X509_free> copy(X509_dup(&certificate));
  if (!copy) return false;
  for (int i = 0; i < X509_get_ext_count(copy.get()); ++i) {
    X509_EXTENSION* extension = X509_get_ext(copy.get(), i);
    X509_EXTENSION_set_critical(extension,
                                X509_EXTENSION_get_critical(extension));  // drops a written-out FALSE
  }
  if (encode<i2d_re_X509_tbs>(copy.get()).empty()) return false;
  return encode<i2d_X509>(copy.get()) == der;
}

std::optional<WallTime> time_of(const ASN1_TIME* time) {
  return parse_asn1_time(text_of(time), ASN1_STRING_type(time) == V_ASN1_UTCTIME
                                            ? TimeForm::kUtcTime
                                            : TimeForm::kGeneralizedTime);
}

/// The text of an e-mail address or URI, which is ASCII.
Result<AlternativeName> read_ascii_name(AlternativeName::Kind kind, const ASN1_IA5STRING* value) {
  AlternativeName name{kind, std::string(text_of(value))};
  for (const char c : name.text) {
    if (c == '\0') return malformed("an alternative name with a NUL in it");
    if (std::uint8_t(c) >= 0x80) return malformed("an alternative name that is not ASCII");
  }
  return name;
}

/// Nothing for a name of another kind than Fulcio's.
Result<std::optional<AlternativeName>> read_other_name(const OTHERNAME& other) {
  const Owned<ASN1_OBJECT, ASN1_OBJECT_free> wanted(OBJ_txt2obj(kFulcioUserName, 1));
  if (OBJ_cmp(other.type_id, wanted.get()) != 0) return std::nullopt;
  if (other.value == nullptr || other.value->type != V_ASN1_UTF8STRING)
    return malformed("an alternative name that is no UTF8String");
  const std::string_view text = text_of(other.value->value.utf8string);
  if (text.find('\0') != std::string_view::npos) return malformed("an alternative name with a NUL in it");
  if (!is_utf8(text)) return malformed("an alternative name that is not UTF-8");
  return AlternativeName{AlternativeName::Kind::kOtherName, std::string(text)};
}

Result<std::optional<AlternativeName>> read_name(const GENERAL_NAME& name) {
  switch (name.type) {
    case GEN_EMAIL: return read_ascii_name(AlternativeName::Kind::kEmail, name.d.rfc822Name);
    case GEN_URI: return read_ascii_name(AlternativeName::Kind::kUri, name.d.uniformResourceIdentifier);
    case GEN_OTHERNAME: return read_other_name(*name.d.otherName);
    default: return std::nullopt;
  }
}

}  // namespace

Result<Certificate> Certificate::parse_der(std::string_view der) {
  if (der.size() > kMaxCertificateBytes) return too_large("certificate over 64 KiB");
  if (!is_der(der)) return malformed("not DER");
  const ErrorQueueGuard errors;
  const std::uint8_t* at = bytes_of(der);
  std::shared_ptr<X509> certificate(d2i_X509(nullptr, &at, long(der.size())), X509_free);
  if (!certificate) return malformed("not X.509");
  if (!is_canonical(*certificate, der)) return malformed("not in its canonical encoding");
  const auto not_before = time_of(X509_get0_notBefore(certificate.get()));
  const auto not_after = time_of(X509_get0_notAfter(certificate.get()));
  if (!not_before || !not_after) return malformed("a time of its validity is none");
  return Certificate(std::move(certificate), std::string(der), *not_before, *not_after);
}

Result<std::vector<Certificate>> Certificate::parse_pem(std::string_view pem) {
  if (pem.size() > kMaxPemBytes) return too_large("certificates over 2 MiB");
  std::vector<Certificate> certificates;
  std::string_view rest = trim(pem);
  do {
    if (certificates.size() == kMaxChainLength) return too_large("over 16 certificates");
    const auto der = take_pem_block(rest, "CERTIFICATE");
    if (!der) return malformed(der.error().message);
    auto certificate = parse_der(*der);
    if (!certificate) return fail(std::move(certificate).error());
    certificates.push_back(std::move(*certificate));
  } while (!rest.empty());
  return certificates;
}

std::string Certificate::public_key_der() const {
  return encode<i2d_X509_PUBKEY>(X509_get_X509_PUBKEY(native()));
}

Result<PublicKey> Certificate::public_key() const {
  auto key = PublicKey::parse(public_key_der());
  if (!key && key.error().reason.empty())
    return fail(std::move(key).error().because(reason::kCertificateInvalid));
  return key;
}

std::string Certificate::subject() const {
  constexpr unsigned long kForm =
      XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN | ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_UTF8_CONVERT;
  const ErrorQueueGuard errors;
  const Owned<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
  if (!out || X509_NAME_print_ex(out.get(), X509_get_subject_name(native()), 0, kForm) < 0) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return escape(std::string_view(text, std::size_t(size)));
}

Result<std::vector<AlternativeName>> Certificate::alternative_names() const {
  const auto content = extension("2.5.29.17");
  if (!content) return fail(content.error());
  if (!*content) return {};
  const ErrorQueueGuard errors;
  const std::uint8_t* at = bytes_of(**content);
  const Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(
      is_der(**content) ? d2i_GENERAL_NAMES(nullptr, &at, long((*content)->size())) : nullptr);
  if (!names || sk_GENERAL_NAME_num(names.get()) == 0)
    return malformed("its subject alternative name is none");
  std::vector<AlternativeName> out;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    auto name = read_name(*sk_GENERAL_NAME_value(names.get(), i));
    if (!name) return fail(std::move(name).error());
    if (*name) out.push_back(std::move(**name));
  }
  return out;
}

Result<std::optional<std::string>> Certificate::extension(const char* oid) const {
  const ErrorQueueGuard errors;
  const Owned<ASN1_OBJECT, ASN1_OBJECT_free> object(OBJ_txt2obj(oid, 1));
  if (!object) return fail(ErrorCode::kInvalidInput, "not an object identifier in dotted decimals");
  const int index = X509_get_ext_by_OBJ(native(), object.get(), -1);
  if (index < 0) return std::nullopt;
  if (X509_get_ext_by_OBJ(native(), object.get(), index) >= 0)
    return malformed(std::string("it has the extension ") + oid + " twice");
  return std::string(text_of(X509_EXTENSION_get_data(X509_get_ext(native(), index))));
}

}  // namespace kintsugi::trust
