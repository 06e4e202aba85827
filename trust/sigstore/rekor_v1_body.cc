// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <initializer_list>
#include <optional>

#include "base/document.h"
#include "base/encoding.h"
#include "trust/crypto/certificate.h"
#include "trust/sigstore/log_entry_body.h"

namespace kintsugi::trust {
namespace {

using Path = std::initializer_list<std::string_view>;

constexpr DocumentLimits kLimits{.max_bytes = 1u << 20, .max_depth = 16, .max_nodes = 4096};

std::string joined(Path path) {
  std::string out;
  for (const std::string_view key : path) out.append(out.empty() ? "" : ".").append(key);
  return out;
}

Result<const Node*> find(const Node& root, Path path, Node::Kind kind) {
  const Node* node = &root;
  for (const std::string_view key : path) node = node == nullptr ? nullptr : node->find(key);
  if (node != nullptr && node->kind == kind) return node;
  return invalid_log_entry("malformed log entry: " + joined(path) + " is no " + std::string(kind_name(kind)));
}

Result<void> expect_text(const Node& root, Path path, std::string_view expected, std::string_view what) {
  const auto node = find(root, path, Node::Kind::kString);
  if (!node) return fail(node.error());
  if ((*node)->text != expected) return other_log_entry(what);
  return {};
}

/// Is `pem` this one certificate or key, and nothing else?
bool is_signer(std::string_view pem, const LoggedSignature& logged) {
  if (!logged.certificate.empty()) {
    const auto certificates = Certificate::parse_pem(pem);
    return certificates && certificates->size() == 1 && certificates->front().der() == logged.certificate;
  }
  const auto key = PublicKey::parse(pem);
  return key && key->der() == logged.public_key;
}

Result<void> expect_signer(const Node& root, Path path, const LoggedSignature& logged) {
  const auto node = find(root, path, Node::Kind::kString);
  if (!node) return fail(node.error());
  const auto pem = base64_decode((*node)->text);
  if (!pem) return invalid_log_entry("malformed log entry: " + joined(path) + " is no base64");
  if (!is_signer(*pem, logged)) return other_log_entry("signer");
  return {};
}

/// The only item of an array: with several, it is not said which of them is meant.
Result<const Node*> find_only(const Node& root, Path path) {
  const auto array = find(root, path, Node::Kind::kArray);
  if (!array) return fail(array.error());
  if ((*array)->items.size() != 1) return invalid_log_entry("not exactly one signature in the log entry");
  return &(*array)->items.front();
}

std::optional<HashAlgorithm> parse_algorithm(std::string_view name) {
  if (name == "sha256") return HashAlgorithm::kSha256;
  if (name == "sha384") return HashAlgorithm::kSha384;
  if (name == "sha512") return HashAlgorithm::kSha512;
  return std::nullopt;
}

Result<void> match_hashedrekord(const Node& spec, const LoggedSignature& logged) {
  const auto name = find(spec, {"data", "hash", "algorithm"}, Node::Kind::kString);
  if (!name) return fail(name.error());
  const auto algorithm = parse_algorithm((*name)->text);
  if (!algorithm) return invalid_log_entry("a log entry with an unknown hash algorithm");
  const auto digest = signed_digest(logged, *algorithm);
  if (!digest) return fail(digest.error());
  if (auto done = expect_text(spec, {"data", "hash", "value"}, hex_encode(*digest), "content"); !done)
    return done;
  const std::string signature = base64_encode(logged.signature);
  if (auto done = expect_text(spec, {"signature", "content"}, signature, "signature"); !done) return done;
  return expect_signer(spec, {"signature", "publicKey", "content"}, logged);
}

Result<void> expect_payload(const Node& root, const LoggedSignature& logged) {
  if (logged.content != LoggedSignature::Content::kEnvelope)
    return other_log_entry("content: an envelope instead of a message");
  if (auto done = expect_text(root, {"payloadHash", "algorithm"}, "sha256", "hash algorithm"); !done)
    return done;
  return expect_text(root, {"payloadHash", "value"}, sha256_hex(logged.payload), "content");
}

Result<void> match_dsse(const Node& spec, const LoggedSignature& logged) {
  if (auto done = expect_payload(spec, logged); !done) return done;
  const auto item = find_only(spec, {"signatures"});
  if (!item) return fail(item.error());
  const std::string signature = base64_encode(logged.signature);
  if (auto done = expect_text(**item, {"signature"}, signature, "signature"); !done) return done;
  return expect_signer(**item, {"verifier"}, logged);
}

Result<void> match_intoto(const Node& spec, const LoggedSignature& logged) {
  const auto content = find(spec, {"content"}, Node::Kind::kObject);
  if (!content) return fail(content.error());
  if (auto done = expect_payload(**content, logged); !done) return done;
  const auto item = find_only(**content, {"envelope", "signatures"});
  if (!item) return fail(item.error());
  const std::string signature = base64_encode(base64_encode(logged.signature));
  if (auto done = expect_text(**item, {"sig"}, signature, "signature"); !done) return done;
  return expect_signer(**item, {"publicKey"}, logged);
}

struct Format {
  std::string_view kind, version;
  Result<void> (*match)(const Node& spec, const LoggedSignature& logged);
};
constexpr Format kFormats[] = {
    {"hashedrekord", "0.0.1", match_hashedrekord},
    {"dsse", "0.0.1", match_dsse},
    {"intoto", "0.0.2", match_intoto},
};

}  // namespace

Result<void> match_rekor_v1_body(const LogEntry& entry, const LoggedSignature& logged) {
  const auto* format = std::find_if(std::begin(kFormats), std::end(kFormats), [&](const Format& candidate) {
    return candidate.kind == entry.kind && candidate.version == entry.version;
  });
  if (format == std::end(kFormats)) return invalid_log_entry("a log entry of a kind that is not read");
  const auto body = parse_json_document(entry.body, kLimits);
  if (!body) return invalid_log_entry("malformed log entry: " + body.error().message);
  const auto kind = find(*body, {"kind"}, Node::Kind::kString);
  if (!kind) return fail(kind.error());
  const auto version = find(*body, {"apiVersion"}, Node::Kind::kString);
  if (!version) return fail(version.error());
  if ((*kind)->text != entry.kind || (*version)->text != entry.version)
    return invalid_log_entry("a log entry whose body is of another kind than it says");
  const auto spec = find(*body, {"spec"}, Node::Kind::kObject);
  if (!spec) return fail(spec.error());
  return format->match(**spec, logged);
}

}  // namespace kintsugi::trust
