// SPDX-License-Identifier: Apache-2.0
#include "trust/testing/test_authority.h"

#include <openssl/ts.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <stdexcept>

namespace kintsugi::trust::testing {
namespace {

using Key = std::shared_ptr<EVP_PKEY>;
using X509Owner = std::unique_ptr<X509, void (*)(X509*)>;

Key generate(const std::string& kind) {
  Key key(kind.starts_with("RSA-") ? EVP_RSA_gen(std::stoul(kind.substr(4))) : EVP_EC_gen(kind.c_str()),
          EVP_PKEY_free);
  if (!key) throw std::runtime_error("cannot make a key of kind " + kind);
  return key;
}

std::time_t seconds_of(WallTime time) {
  return std::time_t(std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count());
}

template <class T>
std::string encode(int (*write)(T*, unsigned char**), std::remove_const_t<T>* object) {
  unsigned char* bytes = nullptr;
  const int size = write(object, &bytes);
  if (size <= 0) throw std::runtime_error("cannot encode");
  std::string out(reinterpret_cast<char*>(bytes), std::size_t(size));
  OPENSSL_free(bytes);
  return out;
}

void add_extensions(X509* certificate, X509* issuer, const CertificateFields& fields) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  for (const auto& [name, value] : fields.extensions) {
    X509_EXTENSION* extension = X509V3_EXT_nconf(nullptr, &context, name.c_str(), value.c_str());
    if (extension == nullptr) throw std::runtime_error("cannot make extension " + name);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
}

/// `issuer`: null where it signs itself.
X509Owner make(const CertificateFields& fields, EVP_PKEY* key, X509* issuer) {
  static long serial = 1000;
  X509Owner certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), seconds_of(fields.not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), seconds_of(fields.not_after));
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  if (!fields.name.empty()) {
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(fields.name.data()),
                               int(fields.name.size()), -1, 0);
  }
  X509* signer = issuer == nullptr ? certificate.get() : issuer;
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  X509_set_pubkey(certificate.get(), key);
  add_extensions(certificate.get(), signer, fields);
  return certificate;
}

void add_timestamps(X509* certificate, const std::string& list) {
  ASN1_OCTET_STRING* inner = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(inner, reinterpret_cast<const unsigned char*>(list.data()), int(list.size()));
  const std::string content = encode(i2d_ASN1_OCTET_STRING, inner);
  ASN1_OCTET_STRING_set(inner, reinterpret_cast<const unsigned char*>(content.data()), int(content.size()));
  X509_EXTENSION* extension = X509_EXTENSION_create_by_NID(nullptr, NID_ct_precert_scts, 0, inner);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  ASN1_OCTET_STRING_free(inner);
}

std::shared_ptr<const Certificate> read(X509* certificate) {
  return std::make_shared<const Certificate>(Certificate::parse_der(encode(i2d_X509, certificate)).value());
}

std::string make_request(std::string_view bytes, const TestSigner::Stamp& stamp) {
  const EVP_MD* hash = EVP_get_digestbyname(stamp.imprint);
  unsigned char imprint[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), imprint, &size, hash, nullptr);
  TS_MSG_IMPRINT* message = TS_MSG_IMPRINT_new();
  X509_ALGOR* algorithm = X509_ALGOR_new();
  X509_ALGOR_set_md(algorithm, hash);
  TS_MSG_IMPRINT_set_algo(message, algorithm);
  TS_MSG_IMPRINT_set_msg(message, imprint, int(size));
  TS_REQ* request = TS_REQ_new();
  TS_REQ_set_version(request, 1);
  TS_REQ_set_msg_imprint(request, message);
  TS_REQ_set_cert_req(request, stamp.brings_certificate ? 1 : 0);
  std::string out = encode(i2d_TS_REQ, request);
  TS_REQ_free(request);
  TS_MSG_IMPRINT_free(message);
  X509_ALGOR_free(algorithm);
  return out;
}

int give_time(TS_RESP_CTX*, void* data, long* seconds, long* microseconds) {
  *seconds = long(seconds_of(static_cast<const TestSigner::Stamp*>(data)->time));
  *microseconds = 0;
  return 1;
}

}  // namespace

CertificateFields& CertificateFields::set(const std::string& extension, const std::string& value) {
  std::erase_if(extensions, [&](const auto& other) { return other.first == extension; });
  if (!value.empty()) extensions.emplace_back(extension, value);
  return *this;
}

CertificateFields authority_fields(const std::string& name) {
  CertificateFields fields;
  fields.name = name;
  fields.extensions = {{"basicConstraints", "critical,CA:TRUE"},
                       {"keyUsage", "critical,keyCertSign,cRLSign"},
                       {"subjectKeyIdentifier", "hash"},
                       {"authorityKeyIdentifier", "keyid"}};
  return fields;
}

CertificateFields leaf_fields(LeafUsage usage) {
  CertificateFields fields;
  const bool stamps = usage == LeafUsage::kTimeStamping;
  fields.name = stamps ? "time stamper" : "";
  fields.extensions = {{"keyUsage", "critical,digitalSignature"},
                       {"extendedKeyUsage", stamps ? "critical,timeStamping" : "codeSigning"},
                       {"subjectKeyIdentifier", "hash"},
                       {"authorityKeyIdentifier", "keyid"},
                       {"subjectAltName", "critical,URI:https://example.com/signer"}};
  return fields;
}

TestSigner TestSigner::root(const CertificateFields& fields) {
  TestSigner out;
  out.key_ = generate(fields.key);
  const auto certificate = make(fields, out.key_.get(), nullptr);
  X509_sign(certificate.get(), out.key_.get(), EVP_get_digestbyname(fields.hash));
  out.certificate_ = read(certificate.get());
  return out;
}

TestSigner TestSigner::issue(const CertificateFields& fields, const Log& log) const {
  TestSigner out;
  out.key_ = generate(fields.key);
  const auto certificate = make(fields, out.key_.get(), certificate_->native());
  const EVP_MD* hash = EVP_get_digestbyname(fields.hash);
  X509_sign(certificate.get(), key_.get(), hash);
  if (log) {
    add_timestamps(certificate.get(), log(encode(i2d_re_X509_tbs, certificate.get())));
    X509_sign(certificate.get(), key_.get(), hash);
  }
  out.certificate_ = read(certificate.get());
  return out;
}

CertificateAuthority TestSigner::authority(const std::vector<TestSigner>& chain) {
  CertificateAuthority out;
  for (const TestSigner& signer : chain) out.chain.push_back(signer.certificate());
  return out;
}

std::string TestSigner::stamp(std::string_view bytes, const Stamp& stamp) const {
  Stamp given = stamp;
  TS_RESP_CTX* context = TS_RESP_CTX_new();
  ASN1_OBJECT* policy = OBJ_txt2obj("1.2.3.4", 1);
  const std::string request = make_request(bytes, stamp);
  BIO* in = BIO_new_mem_buf(request.data(), int(request.size()));
  TS_RESP_CTX_set_def_policy(context, policy);
  TS_RESP_CTX_add_md(context, EVP_get_digestbyname(stamp.imprint));
  TS_RESP_CTX_set_signer_digest(context, EVP_get_digestbyname(stamp.hash));
  TS_RESP_CTX_set_ess_cert_id_digest(context, EVP_sha256());
  TS_RESP_CTX_set_time_cb(context, give_time, &given);
  if (stamp.names_itself) TS_RESP_CTX_add_flags(context, TS_TSA_NAME);
  const bool ready = TS_RESP_CTX_set_signer_cert(context, certificate_->native()) == 1 &&
                     TS_RESP_CTX_set_signer_key(context, key_.get()) == 1;
  TS_RESP* response = ready ? TS_RESP_create_response(context, in) : nullptr;
  std::string out = response == nullptr ? std::string() : encode(i2d_TS_RESP, response);
  TS_RESP_free(response);
  BIO_free(in);
  ASN1_OBJECT_free(policy);
  TS_RESP_CTX_free(context);
  if (out.empty()) throw std::runtime_error("cannot make a timestamp");
  return out;
}

}  // namespace kintsugi::trust::testing
