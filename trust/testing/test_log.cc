// SPDX-License-Identifier: Apache-2.0
#include "trust/testing/test_log.h"

#include <bit>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "trust/crypto/hash.h"
#include "trust/sigstore/merkle_tree.h"
#include "trust/testing/cosign.h"

namespace kintsugi::trust::testing {
namespace {

using Json = nlohmann::json;

std::string bytes_at(const Json& json, const char* pointer) {
  return base64_decode(json.at(Json::json_pointer(pointer)).get<std::string>()).value();
}

std::string bytes_or_none(const Json& json, const char* pointer) {
  return json.contains(Json::json_pointer(pointer)) ? bytes_at(json, pointer) : std::string();
}

std::int64_t number_at(const Json& json, const char* key) {
  return std::stoll(json.value(key, std::string("0")));
}

LogEntry entry_of(const Json& json) {
  LogEntry entry;
  entry.log_index = number_at(json, "logIndex");
  entry.log_id = bytes_at(json, "/logId/keyId");
  entry.kind = json.at("kindVersion").at("kind");
  entry.version = json.at("kindVersion").at("version");
  if (const auto time = number_at(json, "integratedTime"); time != 0)
    entry.integrated_time = WallTime(std::chrono::seconds(time));
  entry.signed_entry_timestamp = bytes_or_none(json, "/inclusionPromise/signedEntryTimestamp");
  entry.body = bytes_or_none(json, "/canonicalizedBody");
  if (json.value("inclusionProof", Json()).is_null()) return entry;
  const Json& from = json.at("inclusionProof");
  InclusionProof proof{
      number_at(from, "logIndex"), number_at(from, "treeSize"), bytes_at(from, "/rootHash"), {}, {}};
  for (const Json& hash : from.at("hashes")) proof.hashes.push_back(bytes_at(hash, ""));
  if (from.contains("checkpoint")) proof.checkpoint = from.at("checkpoint").at("envelope");
  entry.proof = std::move(proof);
  return entry;
}

}  // namespace

std::string reference_root(std::span<const std::string> leaf_hashes) {
  if (leaf_hashes.empty()) return sha256("");
  if (leaf_hashes.size() == 1) return leaf_hashes.front();
  const std::size_t split = std::bit_floor(leaf_hashes.size() - 1);
  return sha256("\x01" + reference_root(leaf_hashes.first(split)) +
                reference_root(leaf_hashes.subspan(split)));
}

std::vector<std::string> reference_path(std::size_t index, std::span<const std::string> leaf_hashes) {
  if (leaf_hashes.size() <= 1) return {};
  const std::size_t split = std::bit_floor(leaf_hashes.size() - 1);
  const auto left = leaf_hashes.first(split);
  const auto right = leaf_hashes.subspan(split);
  std::vector<std::string> path =
      index < split ? reference_path(index, left) : reference_path(index - split, right);
  path.push_back(reference_root(index < split ? right : left));
  return path;
}

std::string signed_note(const std::string& text, const std::string& name, const std::string& key_hint,
                        const std::string& signature) {
  return text + "\n\u2014 " + name + " " + base64_encode(key_hint + signature) + "\n";
}

TestLog::TestLog(const std::string& kind, std::string name) : key_(kind), name_(std::move(name)) {}

LogKey TestLog::log_key() const {
  const WallTime start(std::chrono::seconds(1'767'225'600));
  return {sha256(key_.der()), "https://" + name_, public_key_of(key_), {start, std::nullopt}};
}

std::string TestLog::key_hint() const {
  const PublicKey key = public_key_of(key_);
  const std::string der = key_.der();
  if (key.kind() == PublicKey::Kind::kEd25519)
    return sha256(name_ + "\n\x01" + der.substr(der.size() - 32)).substr(0, 4);
  if (key.kind() == PublicKey::Kind::kRsa)
    return sha256(name_ + "\n\xffPKIX-RSA-PKCS#1v1.5" + der).substr(0, 4);
  return sha256(der).substr(0, 4);
}

std::string TestLog::checkpoint_text(std::size_t size, const std::string& root_hash) const {
  return name_ + "\n" + std::to_string(size) + "\n" + base64_encode(root_hash) + "\n";
}

std::string TestLog::checkpoint(const std::string& text) const {
  return signed_note(text, name_, key_hint(), key_.sign(text));
}

InclusionProof TestLog::append(std::string_view body) {
  leaf_hashes_.push_back(leaf_hash(body));
  const std::size_t size = leaf_hashes_.size();
  const std::string root = reference_root(leaf_hashes_);
  return {std::int64_t(size - 1), std::int64_t(size), root, reference_path(size - 1, leaf_hashes_),
          checkpoint(checkpoint_text(size, root))};
}

LoggedSignature LoggedBundle::logged() const {
  return {content, signature, certificate, public_key, message_digest, payload, pre_authentication_encoding};
}

LoggedBundle read_logged_bundle(const std::string& name) {
  const Json json = Json::parse(read_sigstore_file(name));
  const Json& material = json.at("verificationMaterial");
  LoggedBundle bundle;
  bundle.entry = entry_of(material.at("tlogEntries").at(0));
  bundle.certificate = bytes_or_none(material, "/certificate/rawBytes");
  if (material.contains("x509CertificateChain"))
    bundle.certificate = bytes_at(material, "/x509CertificateChain/certificates/0/rawBytes");
  if (bundle.certificate.empty()) {
    const std::string key = name.substr(0, name.rfind('.')) + ".pub";
    bundle.public_key = PublicKey::parse(read_sigstore_file(key)).value().der();
  }
  if (json.contains("messageSignature")) {
    bundle.signature = bytes_at(json, "/messageSignature/signature");
    bundle.message_digest = bytes_at(json, "/messageSignature/messageDigest/digest");
    return bundle;
  }
  const std::string type = json.at("dsseEnvelope").at("payloadType");
  bundle.content = LoggedSignature::Content::kEnvelope;
  bundle.signature = bytes_at(json, "/dsseEnvelope/signatures/0/sig");
  bundle.payload = bytes_at(json, "/dsseEnvelope/payload");
  bundle.pre_authentication_encoding = "DSSEv1 " + std::to_string(type.size()) + " " + type + " " +
                                       std::to_string(bundle.payload.size()) + " " + bundle.payload;
  return bundle;
}

std::string read_sigstore_file(const std::string& name) {
  return read_file("trust/testdata/sigstore/" + name, 1u << 20).value();
}

}  // namespace kintsugi::trust::testing
