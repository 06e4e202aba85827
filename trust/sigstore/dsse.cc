// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/dsse.h"

#include <fmt/format.h>

#include <utility>

#include "trust/crypto/reasons.h"
#include "trust/sigstore/proto_json.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxSignatureBytes = 4096;
constexpr std::size_t kMaxKeyIdBytes = 4096;

std::string read_only_signature(const Node& signatures, const std::string& path, ProblemList& problems) {
  if (signatures.items.size() != 1) {
    problems.add(signatures.position, path,
                 fmt::format("has {} signatures instead of one", signatures.items.size()));
    return {};
  }
  ObjectReader reader(signatures.items.front(), join_path(path, std::size_t(0)), {"sig", "keyid"}, problems);
  std::string signature, key_id;
  read_bytes(reader, "sig", signature, Presence::kRequired, kMaxSignatureBytes);
  reader.string("keyid", key_id, Presence::kOptional, {.max_bytes = kMaxKeyIdBytes});
  return signature;
}

}  // namespace

std::string Envelope::pre_authentication_encoding() const {
  return fmt::format("DSSEv1 {} {} {} {}", payload_type.size(), payload_type, payload.size(), payload);
}

Envelope read_envelope(const Node& node, const std::string& path, ProblemList& problems) {
  ObjectReader reader(node, path, {"payload", "payloadType", "signatures"}, problems);
  Envelope envelope;
  reader.string("payloadType", envelope.payload_type, Presence::kRequired);
  read_bytes(reader, "payload", envelope.payload, Presence::kRequired, kMaxEnvelopeBytes);
  if (const Node* signatures = reader.array("signatures", Presence::kRequired))
    envelope.signature = read_only_signature(*signatures, reader.path_of("signatures"), problems);
  return envelope;
}

Result<Envelope> parse_envelope(std::string_view json) {
  const auto node =
      parse_json_document(json, {.max_bytes = kMaxEnvelopeBytes, .max_depth = 8, .max_nodes = 64});
  if (!node) return fail(Error(node.error()).because(reason::kPayloadMalformed));
  ProblemList problems("envelope");
  Envelope envelope = read_envelope(*node, "", problems);
  if (!problems.empty()) return fail(problems.to_error().because(reason::kPayloadMalformed));
  return envelope;
}

}  // namespace kintsugi::trust
