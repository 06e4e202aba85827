// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/trusted_root.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/document.h"
#include "base/encoding.h"
#include "base/escape.h"
#include "base/time.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr DocumentLimits kLimits{.max_bytes = kMaxTrustedRootBytes, .max_depth = 16, .max_nodes = 20'000};
constexpr std::size_t kMaxOfEachKind = 64;
constexpr std::size_t kMaxUrlBytes = 2048;
constexpr std::size_t kLogIdBytes = 32;

tl::unexpected<Error> invalid(std::string_view where, std::string_view what) {
  return fail(make_error(ErrorCode::kInvalidInput, fmt::format("trusted root: {}: {}", where, what))
                  .because(reason::kTrustedRootInvalid));
}

/// The member of this kind, or nullptr where it is not there; null stands for that too, as in protobuf.
Result<const Node*> find(const Node& object, std::string_view key, Node::Kind kind,
                         const std::string& where) {
  const Node* node = object.find(key);
  if (node == nullptr || node->kind == Node::Kind::kNull) return nullptr;
  if (node->kind != kind) return invalid(where, fmt::format("{} is no {}", key, kind_name(kind)));
  return node;
}

Result<const Node*> require(const Node& object, std::string_view key, Node::Kind kind,
                            const std::string& where) {
  auto node = find(object, key, kind, where);
  if (node && *node == nullptr) return invalid(where, fmt::format("{} is missing", key));
  return node;
}

Result<std::string> require_text(const Node& object, std::string_view key, const std::string& where) {
  const auto node = require(object, key, Node::Kind::kString, where);
  if (!node) return fail(node.error());
  return (*node)->text;
}

Result<std::string> require_bytes(const Node& object, std::string_view key, const std::string& where) {
  const auto text = require_text(object, key, where);
  if (!text) return fail(text.error());
  auto bytes = base64_decode(*text);
  if (!bytes) return invalid(where, fmt::format("{} is no base64", key));
  return bytes;
}

Result<std::string> read_url(const Node& object, std::string_view key, const std::string& where) {
  const auto node = find(object, key, Node::Kind::kString, where);
  if (!node) return fail(node.error());
  if (*node == nullptr) return std::string();
  if ((*node)->text.size() > kMaxUrlBytes) return invalid(where, fmt::format("{} is over 2048 bytes", key));
  return (*node)->text;
}

Result<std::optional<WallTime>> read_time(const Node& range, std::string_view key, const std::string& where) {
  const auto node = find(range, key, Node::Kind::kString, where);
  if (!node) return fail(node.error());
  if (*node == nullptr) return std::nullopt;
  const auto time = parse_rfc3339((*node)->text);
  if (!time) return invalid(where, fmt::format("validFor.{}: {}", key, time.error().message));
  return *time;
}

Result<TimeRange> read_range(const Node& object, const std::string& where) {
  const auto node = find(object, "validFor", Node::Kind::kObject, where);
  if (!node) return fail(node.error());
  if (*node == nullptr) return TimeRange{};
  const auto start = read_time(**node, "start", where);
  if (!start) return fail(start.error());
  const auto end = read_time(**node, "end", where);
  if (!end) return fail(end.error());
  if (*start && *end && **end < **start) return invalid(where, "validFor ends before it starts");
  return TimeRange{*start, *end};
}

/// What `keyDetails` says of a key.
struct KeyDetails {
  std::string_view name;
  PublicKey::Kind kind;
};
constexpr std::string_view kPkcs1Details = "PKCS1_RSA_PKCS1V5";
constexpr KeyDetails kKeyDetails[] = {
    {"PKIX_ECDSA_P256_SHA_256", PublicKey::Kind::kEcdsaP256},
    {"PKIX_ECDSA_P384_SHA_384", PublicKey::Kind::kEcdsaP384},
    {"PKIX_ECDSA_P521_SHA_512", PublicKey::Kind::kEcdsaP521},
    {"PKIX_ED25519", PublicKey::Kind::kEd25519},
    {"PKIX_RSA_PKCS1V15_2048_SHA256", PublicKey::Kind::kRsa},
    {"PKIX_RSA_PKCS1V15_3072_SHA256", PublicKey::Kind::kRsa},
    {"PKIX_RSA_PKCS1V15_4096_SHA256", PublicKey::Kind::kRsa},
    {kPkcs1Details, PublicKey::Kind::kRsa},
};

std::string der_element(char tag, std::string_view content) {
  const std::size_t size = content.size();
  std::string out(1, tag);
  if (size >= 0x80) out += size < 0x100 ? '\x81' : '\x82';
  if (size >= 0x100) out += char(size >> 8);
  out += char(size & 0xff);
  return out.append(content);
}

/// A SubjectPublicKeyInfo around an RSAPublicKey (RFC 8017 A.1.1), which an old log of Sigstore's staging
/// instance has. What is wrong with the key itself is left to PublicKey::parse().
std::string spki_of_rsa(std::string_view pkcs1) {
  constexpr std::string_view kRsaEncryption("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00",
                                            15);
  const std::string bits = der_element('\x03', std::string(1, '\0').append(pkcs1));
  return der_element('\x30', std::string(kRsaEncryption) + bits);
}

Result<PublicKey> read_key(const Node& object, const std::string& where) {
  const auto name = require_text(object, "keyDetails", where);
  if (!name) return fail(name.error());
  const auto* details = std::find_if(std::begin(kKeyDetails), std::end(kKeyDetails),
                                     [&](const KeyDetails& known) { return known.name == *name; });
  if (details == std::end(kKeyDetails))
    return invalid(where, fmt::format("a key of kind \"{}\", which is not accepted", escape(*name, 64)));
  auto bytes = require_bytes(object, "rawBytes", where);
  if (!bytes) return fail(std::move(bytes).error());
  if (bytes->size() > 4096) return invalid(where, "a key over 4096 bytes");
  if (bytes->starts_with("-")) return invalid(where, "a key in PEM instead of DER");
  auto key = PublicKey::parse(details->name == kPkcs1Details ? spki_of_rsa(*bytes) : *bytes);
  if (!key) return invalid(where, key.error().message);
  if (key->kind() != details->kind) return invalid(where, "its key is of another kind than keyDetails says");
  return key;
}

Result<LogKey> read_log(const Node& log, const std::string& where) {
  const auto algorithm = require_text(log, "hashAlgorithm", where);
  if (!algorithm) return fail(algorithm.error());
  if (*algorithm != "SHA2_256") return invalid(where, "hashAlgorithm is not SHA2_256");
  auto url = read_url(log, "baseUrl", where);
  if (!url) return fail(std::move(url).error());
  const auto log_id = require(log, "logId", Node::Kind::kObject, where);
  if (!log_id) return fail(log_id.error());
  auto id = require_bytes(**log_id, "keyId", where);
  if (!id) return fail(std::move(id).error());
  if (id->size() != kLogIdBytes) return invalid(where, "logId.keyId is not of 32 bytes");
  const auto public_key = require(log, "publicKey", Node::Kind::kObject, where);
  if (!public_key) return fail(public_key.error());
  auto key = read_key(**public_key, where);
  if (!key) return fail(std::move(key).error());
  const auto valid_for = read_range(**public_key, where);
  if (!valid_for) return fail(valid_for.error());
  if (!valid_for->start) return invalid(where, "publicKey.validFor.start is missing");
  return LogKey{std::move(*id), std::move(*url), std::move(*key), *valid_for};
}

Result<CertificateAuthority> read_authority(const Node& object, const std::string& where) {
  auto uri = read_url(object, "uri", where);
  if (!uri) return fail(std::move(uri).error());
  const auto valid_for = read_range(object, where);
  if (!valid_for) return fail(valid_for.error());
  const auto chain = require(object, "certChain", Node::Kind::kObject, where);
  if (!chain) return fail(chain.error());
  const auto list = require(**chain, "certificates", Node::Kind::kArray, where);
  if (!list) return fail(list.error());
  if ((*list)->items.empty()) return invalid(where, "a chain without a certificate");
  if ((*list)->items.size() > kMaxChainLength) return invalid(where, "a chain of over 16 certificates");
  CertificateAuthority authority{std::move(*uri), {}, *valid_for};
  for (const Node& item : (*list)->items) {
    const auto der = require_bytes(item, "rawBytes", where);
    if (!der) return fail(der.error());
    auto certificate = Certificate::parse_der(*der);
    if (!certificate) return invalid(where, certificate.error().message);
    authority.chain.push_back(std::move(*certificate));
  }
  return authority;
}

template <class T>
Result<std::vector<T>> read_each(const Node& root, std::string_view key,
                                 Result<T> (*read)(const Node&, const std::string&)) {
  std::vector<T> out;
  const std::string name(key);
  const auto list = find(root, key, Node::Kind::kArray, name);
  if (!list) return fail(list.error());
  if (*list == nullptr) return out;
  if ((*list)->items.size() > kMaxOfEachKind) return invalid(name, "over 64 of them");
  for (const Node& item : (*list)->items) {
    auto value = read(item, fmt::format("{}[{}]", name, out.size()));
    if (!value) return fail(std::move(value).error());
    out.push_back(std::move(*value));
  }
  return out;
}

}  // namespace

Result<TrustedRoot> parse_trusted_root(std::string_view json) {
  const auto root = parse_json_document(json, kLimits);
  if (!root) return invalid("document", root.error().message);
  const auto media_type = require_text(*root, "mediaType", "document");
  if (!media_type) return fail(media_type.error());
  if (*media_type != "application/vnd.dev.sigstore.trustedroot+json;version=0.1" &&
      *media_type != "application/vnd.dev.sigstore.trustedroot.v0.2+json")
    return invalid("document", fmt::format("unknown mediaType \"{}\"", escape(*media_type, 100)));
  auto logs = read_each(*root, "tlogs", read_log);
  if (!logs) return fail(std::move(logs).error());
  auto certificate_logs = read_each(*root, "ctlogs", read_log);
  if (!certificate_logs) return fail(std::move(certificate_logs).error());
  auto certificate_authorities = read_each(*root, "certificateAuthorities", read_authority);
  if (!certificate_authorities) return fail(std::move(certificate_authorities).error());
  auto timestamp_authorities = read_each(*root, "timestampAuthorities", read_authority);
  if (!timestamp_authorities) return fail(std::move(timestamp_authorities).error());
  return TrustedRoot{std::move(*logs), std::move(*certificate_logs), std::move(*certificate_authorities),
                     std::move(*timestamp_authorities)};
}

}  // namespace kintsugi::trust
