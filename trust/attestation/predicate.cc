// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/predicate.h"

#include <utility>

#include "trust/attestation/refusal.h"

namespace kintsugi::trust {
namespace {

constexpr DocumentLimits kLimits{.max_bytes = kMaxEnvelopeBytes, .max_depth = 64, .max_nodes = 1'000'000};

}  // namespace

Result<Predicate> Predicate::of(const Statement& statement) {
  Predicate out;
  out.written_ = &statement.predicate;
  if (statement.predicate.kind != Node::Kind::kString) return out;
  auto decoded = parse_json_document(statement.predicate.text, kLimits);
  if (!decoded)
    return malformed_attestation("predicate", "is a string that is not JSON: " + decoded.error().message);
  out.decoded_ = std::make_shared<const Node>(std::move(*decoded));
  return out;
}

}  // namespace kintsugi::trust
