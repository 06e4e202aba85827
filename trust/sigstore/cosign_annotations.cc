// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/cosign_annotations.h"

#include <fmt/format.h>

#include <utility>

#include "base/encoding.h"
#include "base/strict_reader.h"
#include "trust/crypto/certificate.h"
#include "trust/crypto/reasons.h"
#include "trust/crypto/timestamp.h"
#include "trust/sigstore/proto_json.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxAnnotationBytes = 1u << 20;
constexpr std::size_t kMaxSignatureBytes = 4096;
constexpr std::size_t kMaxLogIdText = 128;
constexpr DocumentLimits kLimits{.max_bytes = kMaxAnnotationBytes, .max_depth = 32, .max_nodes = 10'000};

tl::unexpected<Error> malformed(std::string_view name, const std::string& what) {
  return fail(make_error(ErrorCode::kInvalidInput, fmt::format("malformed annotation {}: {}", name, what))
                  .because(reason::kBundleMalformed));
}

/// The annotation dev.sigstore.cosign/`name`; empty where it is absent.
std::string_view find(const AnnotationList& annotations, std::string_view name) {
  const std::string* text = find_annotation(annotations, fmt::format("dev.sigstore.cosign/{}", name));
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

Result<void> read_certificates(const AnnotationList& annotations, VerificationMaterial& out) {
  for (const char* name : {"certificate", "chain"}) {
    const std::string_view pem = find(annotations, name);
    if (pem.empty()) continue;
    const auto certificates = Certificate::parse_pem(pem);
    if (!certificates) return malformed(name, certificates.error().message);
    if (name == std::string_view("certificate") && certificates->size() != 1)
      return malformed(name, "more than one certificate");
    if (name == std::string_view("chain") && out.certificates.empty())
      return malformed(name, "a chain without a certificate");
    for (const Certificate& certificate : *certificates) out.certificates.push_back(certificate.der());
  }
  return {};
}

/// The kind and version that the entry's own body names.
Result<void> read_kind(LogEntry& entry) {
  const auto body = parse_json_document(entry.body, kLimits);
  const Node* kind = body ? body->find("kind") : nullptr;
  const Node* version = body ? body->find("apiVersion") : nullptr;
  const bool named = kind != nullptr && version != nullptr && kind->kind == Node::Kind::kString &&
                     version->kind == Node::Kind::kString;
  if (!named) return malformed("bundle", "its body names no kind and version");
  entry.kind = kind->text;
  entry.version = version->text;
  return {};
}

/// `{"SignedEntryTimestamp":"…","Payload":{"body":"…","integratedTime":1,"logIndex":1,"logID":"…"}}`
Result<void> read_log_entry(std::string_view text, VerificationMaterial& out) {
  const auto node = parse_json_document(text, kLimits);
  if (!node) return malformed("bundle", node.error().message);
  ProblemList problems("bundle");
  ObjectReader reader(*node, "", {"SignedEntryTimestamp", "Payload"}, problems);
  LogEntry entry;
  read_bytes(reader, "SignedEntryTimestamp", entry.signed_entry_timestamp, Presence::kRequired,
             kMaxSignatureBytes);
  std::string log_id;
  WallTime time{};
  if (const Node* payload = reader.object("Payload", Presence::kRequired)) {
    ObjectReader fields(*payload, "Payload", {"body", "integratedTime", "logIndex", "logID"}, problems);
    read_bytes(fields, "body", entry.body, Presence::kRequired, kMaxAnnotationBytes);
    read_seconds(fields, "integratedTime", time, Presence::kRequired);
    read_natural(fields, "logIndex", entry.log_index, Presence::kRequired);
    fields.string("logID", log_id, Presence::kRequired, {.max_bytes = kMaxLogIdText});
  }
  if (!problems.empty()) return malformed("bundle", problems.to_error().message);
  auto id = hex_decode(log_id);
  if (!id) return malformed("bundle", "logID: " + id.error().message);
  if (id->empty()) return malformed("bundle", "logID: is empty");
  entry.log_id = std::move(*id);
  entry.integrated_time = time;
  if (auto read = read_kind(entry); !read) return read;
  out.log_entries.push_back(std::move(entry));
  return {};
}

/// `{"SignedRFC3161Timestamp":"…"}`
Result<void> read_timestamp(std::string_view text, VerificationMaterial& out) {
  const auto node = parse_json_document(text, kLimits);
  if (!node) return malformed("rfc3161timestamp", node.error().message);
  ProblemList problems("rfc3161timestamp");
  ObjectReader reader(*node, "", {"SignedRFC3161Timestamp"}, problems);
  std::string der;
  read_bytes(reader, "SignedRFC3161Timestamp", der, Presence::kRequired, kMaxTimestampBytes);
  if (!problems.empty()) return malformed("rfc3161timestamp", problems.to_error().message);
  out.timestamps.push_back(std::move(der));
  return {};
}

}  // namespace

Result<VerificationMaterial> read_cosign_annotations(const AnnotationList& annotations) {
  VerificationMaterial material;
  if (auto read = read_certificates(annotations, material); !read) return fail(std::move(read).error());
  if (const std::string_view text = find(annotations, "bundle"); !text.empty()) {
    if (auto read = read_log_entry(text, material); !read) return fail(std::move(read).error());
  }
  if (const std::string_view text = find(annotations, "rfc3161timestamp"); !text.empty()) {
    if (auto read = read_timestamp(text, material); !read) return fail(std::move(read).error());
  }
  return material;
}

}  // namespace kintsugi::trust
