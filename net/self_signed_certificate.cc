// SPDX-License-Identifier: Apache-2.0
#include "net/self_signed_certificate.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/escape.h"
#include "net/pem.h"

namespace kintsugi::net {
namespace {

using AlternativeNames = std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)>;

constexpr int kSerialBits = 127;
constexpr std::size_t kMaxNameBytes = 253;  // RFC 1035 §2.3.4

tl::unexpected<Error> failed(const char* what) {
  return fail(ErrorCode::kInternal, std::string("OpenSSL cannot make ") + what + ": " + openssl_reason());
}

/// The address in network order, 4 or 16 bytes; empty where it is none.
std::string address_bytes(const std::string& name) {
  std::array<char, sizeof(in6_addr)> bytes{};
  if (inet_pton(AF_INET, name.c_str(), bytes.data()) == 1) return {bytes.data(), sizeof(in_addr)};
  if (inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1) return {bytes.data(), sizeof(in6_addr)};
  return {};
}

bool is_dns_name(const std::string& name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= kMaxNameBytes && std::all_of(name.begin(), name.end(), is_allowed);
}

bool add_name(GENERAL_NAMES* names, const std::string& name) {
  const std::string address = address_bytes(name);
  const bool is_address = !address.empty();
  ASN1_STRING* text = is_address ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
  GENERAL_NAME* entry = GENERAL_NAME_new();
  const std::string& bytes = is_address ? address : name;
  if (text == nullptr || entry == nullptr || ASN1_STRING_set(text, bytes.data(), int(bytes.size())) != 1) {
    ASN1_STRING_free(text);
    GENERAL_NAME_free(entry);
    return false;
  }
  GENERAL_NAME_set0_value(entry, is_address ? GEN_IPADD : GEN_DNS, text);
  if (sk_GENERAL_NAME_push(names, entry) > 0) return true;
  GENERAL_NAME_free(entry);
  return false;
}

bool set_names(X509* certificate, const std::vector<std::string>& names) {
  const AlternativeNames list(GENERAL_NAMES_new(), &GENERAL_NAMES_free);
  const auto add = [&](const std::string& name) { return add_name(list.get(), name); };
  return list != nullptr && std::all_of(names.begin(), names.end(), add) &&
         X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

bool add_extension(X509* certificate, int nid, const char* value) {
  using Extension = std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)>;
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value), &X509_EXTENSION_free);
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
  using Number = std::unique_ptr<BIGNUM, decltype(&BN_free)>;
  const Number number(BN_new(), &BN_free);
  return number != nullptr && BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_validity(X509* certificate, WallTime from, WallTime until) {
  const auto seconds = [](WallTime time) {
    return std::chrono::system_clock::to_time_t(std::chrono::time_point_cast<std::chrono::seconds>(time));
  };
  return ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(from)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(until)) != nullptr;
}

/// Subject and issuer are the same: that makes it an authority for itself.
bool set_subject(X509* certificate) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>("kintsugi");
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1;
}

WallTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::string name_of(const GENERAL_NAME* entry) {
  int type = 0;
  const auto* text = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(entry, &type));
  if (type != GEN_DNS && type != GEN_IPADD) return {};
  const auto* bytes = ASN1_STRING_get0_data(text);
  const auto size = std::size_t(ASN1_STRING_length(text));
  if (type == GEN_DNS) return {reinterpret_cast<const char*>(bytes), size};
  if (size != sizeof(in_addr) && size != sizeof(in6_addr)) return {};
  std::array<char, INET6_ADDRSTRLEN> shown{};
  const int family = size == sizeof(in_addr) ? AF_INET : AF_INET6;
  return inet_ntop(family, bytes, shown.data(), shown.size()) == nullptr ? "" : shown.data();
}

}  // namespace

Result<ServerTls> make_self_signed(const SelfSignedOptions& options) {
  for (const std::string& name : options.names) {
    if (address_bytes(name).empty() && !is_dns_name(name))
      return fail(ErrorCode::kInvalidInput, "neither a DNS name nor an address: " + escape(name));
  }
  const Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  if (key == nullptr) return failed("a key");
  const Certificate certificate(X509_new(), &X509_free);
  if (certificate == nullptr || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !set_serial(certificate.get()) || !set_subject(certificate.get()) ||
      !set_validity(certificate.get(), options.not_before, options.not_after) ||
      X509_set_pubkey(certificate.get(), key.get()) != 1 || !set_names(certificate.get(), options.names) ||
      !add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(certificate.get(), NID_key_usage, "critical,digitalSignature") ||
      !add_extension(certificate.get(), NID_ext_key_usage, "serverAuth") ||
      X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) {
    return failed("a certificate");
  }
  ServerTls tls{pem_of(certificate.get()), Secret(pem_of(key.get()))};
  if (tls.certificate_pem.empty() || tls.key_pem.empty()) return failed("the text of a certificate");
  return tls;
}

Result<ServingFacts> read_serving_facts(const std::string& certificate_pem) {
  const Certificate certificate = next_certificate(open_text(certificate_pem));
  ERR_clear_error();
  if (certificate == nullptr) return fail(ErrorCode::kInvalidInput, "no certificate in PEM");
  ServingFacts facts{
      time_of(X509_get0_notBefore(certificate.get())), time_of(X509_get0_notAfter(certificate.get())), {}};
  const AlternativeNames names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(
                                   certificate.get(), NID_subject_alt_name, nullptr, nullptr)),
                               &GENERAL_NAMES_free);
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i)
    facts.names.push_back(name_of(sk_GENERAL_NAME_value(names.get(), i)));
  std::sort(facts.names.begin(), facts.names.end());
  return facts;
}

}  // namespace kintsugi::net
