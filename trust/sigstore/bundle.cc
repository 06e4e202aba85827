// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/bundle.h"

#include <fmt/format.h>

#include <array>
#include <set>
#include <utility>

#include "base/encoding.h"
#include "base/escape.h"
#include "trust/crypto/certificate.h"
#include "trust/crypto/reasons.h"
#include "trust/crypto/timestamp.h"
#include "trust/sigstore/checkpoint.h"
#include "trust/sigstore/proto_json.h"

namespace kintsugi::trust {
namespace {

constexpr DocumentLimits kLimits{.max_bytes = kMaxBundleBytes, .max_depth = 16, .max_nodes = 100'000};
constexpr std::size_t kMaxSignatureBytes = 4096;
constexpr std::size_t kMaxLogIdBytes = 64;
constexpr std::size_t kMaxBodyBytes = 16u << 20;
constexpr std::size_t kMaxPathHashes = 64;
constexpr std::size_t kHashBytes = 32;

struct Version {
  std::string_view media_type;
  int minor;
};
constexpr std::array kVersions = {
    Version{"application/vnd.dev.sigstore.bundle+json;version=0.1", 1},
    Version{"application/vnd.dev.sigstore.bundle+json;version=0.2", 2},
    Version{"application/vnd.dev.sigstore.bundle+json;version=0.3", 3},
    Version{"application/vnd.dev.sigstore.bundle.v0.3+json", 3},
};

/// 0: none that is known.
int minor_version(std::string_view media_type) {
  for (const Version& version : kVersions) {
    if (version.media_type == media_type) return version.minor;
  }
  return 0;
}

class BundleReader {
 public:
  BundleReader(int version, ProblemList& problems) : version_(version), problems_(problems) {}

  Bundle read(const Node& node) {
    ObjectReader reader(node, "", {"mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope"},
                        problems_);
    Bundle bundle;
    if (const Node* material = reader.object("verificationMaterial", Presence::kRequired))
      read_material(*material, bundle);
    const Node* message = reader.object("messageSignature");
    const Node* envelope = reader.object("dsseEnvelope");
    if ((message == nullptr) == (envelope == nullptr))
      reader.report("messageSignature", "needs exactly one of messageSignature and dsseEnvelope");
    if (message != nullptr) bundle.message = read_message(*message);
    if (envelope != nullptr) bundle.envelope = read_envelope(*envelope, "dsseEnvelope", problems_);
    return bundle;
  }

 private:
  /// The items of a list, where there is one and it is not too long.
  const std::vector<Node>& items(ObjectReader& reader, std::string_view key, std::size_t most) {
    static const std::vector<Node> kNone;
    const Node* list = reader.array(key);
    if (list == nullptr) return kNone;
    if (list->items.size() <= most) return list->items;
    reader.report(key, fmt::format("has more than {} entries", most));
    return kNone;
  }

  void read_material(const Node& node, Bundle& bundle) {
    ObjectReader reader(
        node, "verificationMaterial",
        {"certificate", "x509CertificateChain", "publicKey", "tlogEntries", "timestampVerificationData"},
        problems_);
    const Node* certificate = reader.object("certificate");
    const Node* chain = reader.object("x509CertificateChain");
    const Node* key = reader.object("publicKey");
    if (int(certificate != nullptr) + int(chain != nullptr) + int(key != nullptr) != 1)
      reader.report("certificate", "needs exactly one of certificate, x509CertificateChain and publicKey");
    if (certificate != nullptr) read_certificate(*certificate, reader.path_of("certificate"), bundle);
    if (chain != nullptr) read_chain(*chain, reader, bundle);
    if (key != nullptr) {
      std::string hint;  // of no use here: the key is given
      ObjectReader(*key, reader.path_of("publicKey"), {"hint"}, problems_).string("hint", hint);
    }
    read_log_entries(reader, bundle);
    if (const Node* data = reader.object("timestampVerificationData"))
      read_timestamps(*data, reader.path_of("timestampVerificationData"), bundle);
  }

  void read_certificate(const Node& node, const std::string& path, Bundle& bundle) {
    ObjectReader reader(node, path, {"rawBytes"}, problems_);
    std::string der;
    if (read_bytes(reader, "rawBytes", der, Presence::kRequired, kMaxCertificateBytes))
      bundle.material.certificates.push_back(std::move(der));
  }

  void read_chain(const Node& node, ObjectReader& material, Bundle& bundle) {
    const std::string path = material.path_of("x509CertificateChain");
    if (version_ >= 3) material.report("x509CertificateChain", "is not allowed from v0.3 on");
    ObjectReader reader(node, path, {"certificates"}, problems_);
    const auto& certificates = items(reader, "certificates", kMaxChainLength);
    if (certificates.empty()) reader.report("certificates", "has no certificate");
    for (std::size_t i = 0; i < certificates.size(); ++i)
      read_certificate(certificates[i], join_path(reader.path_of("certificates"), i), bundle);
  }

  void read_timestamps(const Node& node, const std::string& path, Bundle& bundle) {
    ObjectReader reader(node, path, {"rfc3161Timestamps"}, problems_);
    const auto& timestamps = items(reader, "rfc3161Timestamps", kMaxWitnesses);
    for (std::size_t i = 0; i < timestamps.size(); ++i) {
      ObjectReader timestamp(timestamps[i], join_path(reader.path_of("rfc3161Timestamps"), i),
                             {"signedTimestamp"}, problems_);
      std::string der;
      if (read_bytes(timestamp, "signedTimestamp", der, Presence::kRequired, kMaxTimestampBytes))
        bundle.material.timestamps.push_back(std::move(der));
    }
  }

  void read_log_entries(ObjectReader& material, Bundle& bundle) {
    const auto& entries = items(material, "tlogEntries", kMaxWitnesses);
    std::set<std::pair<std::string, std::int64_t>> seen;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::string path = join_path(material.path_of("tlogEntries"), i);
      bundle.material.log_entries.push_back(read_log_entry(entries[i], path));
      const LogEntry& entry = bundle.material.log_entries.back();
      if (!seen.emplace(entry.log_id, entry.log_index).second)
        problems_.add(entries[i].position, path, "is there twice");
    }
  }

  LogEntry read_log_entry(const Node& node, const std::string& path) {
    ObjectReader reader(node, path,
                        {"logIndex", "logId", "kindVersion", "integratedTime", "inclusionPromise",
                         "inclusionProof", "canonicalizedBody"},
                        problems_);
    LogEntry entry;
    // Protobuf's writers leave out what is zero: an index of 0, and the time of Rekor v2, which has none.
    read_natural(reader, "logIndex", entry.log_index, Presence::kOptional);
    if (const Node* id = reader.object("logId", Presence::kRequired)) {
      ObjectReader log_id(*id, reader.path_of("logId"), {"keyId"}, problems_);
      read_bytes(log_id, "keyId", entry.log_id, Presence::kRequired, kMaxLogIdBytes);
    }
    if (const Node* kind = reader.object("kindVersion", Presence::kRequired)) {
      ObjectReader kind_version(*kind, reader.path_of("kindVersion"), {"kind", "version"}, problems_);
      kind_version.string("kind", entry.kind, Presence::kRequired);
      kind_version.string("version", entry.version, Presence::kRequired);
    }
    WallTime time{};
    if (read_seconds(reader, "integratedTime", time, Presence::kOptional) && time > WallTime{})
      entry.integrated_time = time;
    read_bytes(reader, "canonicalizedBody", entry.body, Presence::kRequired, kMaxBodyBytes);
    read_promise(reader, entry);
    read_proof(reader, entry);
    return entry;
  }

  void read_promise(ObjectReader& reader, LogEntry& entry) {
    const Node* promise =
        reader.object("inclusionPromise", version_ == 1 ? Presence::kRequired : Presence::kOptional);
    if (promise == nullptr) return;
    ObjectReader fields(*promise, reader.path_of("inclusionPromise"), {"signedEntryTimestamp"}, problems_);
    read_bytes(fields, "signedEntryTimestamp", entry.signed_entry_timestamp, Presence::kRequired,
               kMaxSignatureBytes);
  }

  void read_proof(ObjectReader& entry_reader, LogEntry& entry) {
    const Node* node =
        entry_reader.object("inclusionProof", version_ >= 2 ? Presence::kRequired : Presence::kOptional);
    if (node == nullptr) return;
    ObjectReader reader(*node, entry_reader.path_of("inclusionProof"),
                        {"logIndex", "rootHash", "treeSize", "hashes", "checkpoint"}, problems_);
    InclusionProof proof;
    read_natural(reader, "logIndex", proof.log_index, Presence::kOptional);
    read_natural(reader, "treeSize", proof.tree_size, Presence::kRequired);
    read_bytes(reader, "rootHash", proof.root_hash, Presence::kRequired, kHashBytes);
    read_hashes(reader, proof);
    const Presence needed = version_ >= 2 ? Presence::kRequired : Presence::kOptional;
    if (const Node* checkpoint = reader.object("checkpoint", needed)) {
      ObjectReader fields(*checkpoint, reader.path_of("checkpoint"), {"envelope"}, problems_);
      if (fields.string("envelope", proof.checkpoint, needed, {.max_bytes = kMaxCheckpointBytes}) &&
          needed == Presence::kRequired && proof.checkpoint.empty()) {
        fields.report("envelope", "is empty");
      }
    }
    entry.proof = std::move(proof);
  }

  void read_hashes(ObjectReader& reader, InclusionProof& proof) {
    std::vector<std::string> texts;
    reader.strings("hashes", texts, Presence::kOptional,
                   {.max_bytes = (kHashBytes + 2) / 3 * 4, .max_count = kMaxPathHashes});
    for (const std::string& text : texts) {
      auto hash = base64_decode(text);
      if (!hash || hash->size() != kHashBytes) {
        reader.report("hashes", "has an entry that is no SHA-256 in base64");
        return;
      }
      proof.hashes.push_back(std::move(*hash));
    }
  }

  void read_digest(const Node& node, const std::string& path, MessageSignature& message) {
    ObjectReader reader(node, path, {"algorithm", "digest"}, problems_);
    // Empty where the signer hashed nothing (cosign with an Ed25519 key).
    if (node.members.empty()) return;
    HashAlgorithm algorithm = HashAlgorithm::kSha256;
    if (!reader.word("algorithm", algorithm,
                     {{"SHA2_256", HashAlgorithm::kSha256},
                      {"SHA2_384", HashAlgorithm::kSha384},
                      {"SHA2_512", HashAlgorithm::kSha512}},
                     Presence::kRequired)) {
      return;
    }
    message.algorithm = algorithm;
    if (read_bytes(reader, "digest", message.digest, Presence::kRequired, hash_bytes(algorithm)) &&
        message.digest.size() != hash_bytes(algorithm)) {
      reader.report("digest", "has another length than its algorithm");
    }
  }

  MessageSignature read_message(const Node& node) {
    ObjectReader reader(node, "messageSignature", {"messageDigest", "signature"}, problems_);
    MessageSignature message;
    read_bytes(reader, "signature", message.signature, Presence::kRequired, kMaxSignatureBytes);
    if (const Node* digest = reader.object("messageDigest", Presence::kRequired))
      read_digest(*digest, reader.path_of("messageDigest"), message);
    return message;
  }

  const int version_;
  ProblemList& problems_;
};

}  // namespace

bool is_bundle_type(std::string_view media_type) {
  return minor_version(media_type) > 0;
}

Result<Bundle> parse_bundle(std::string_view json) {
  const auto node = parse_json_document(json, kLimits);
  if (!node) return fail(Error(node.error()).because(reason::kBundleMalformed));
  const Node* type = node->find("mediaType");
  const int version = type == nullptr ? 0 : minor_version(type->text);
  if (version == 0) {
    return fail(
        make_error(ErrorCode::kUnsupported,
                   fmt::format("bundle of type \"{}\"", escape(type == nullptr ? "" : type->text, 100)))
            .because(reason::kUnsupportedLayout));
  }
  ProblemList problems("bundle");
  Bundle bundle = BundleReader(version, problems).read(*node);
  if (!problems.empty()) return fail(problems.to_error().because(reason::kBundleMalformed));
  return bundle;
}

}  // namespace kintsugi::trust
