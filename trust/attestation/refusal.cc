// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/refusal.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/escape.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxShownBytes = 256;

}  // namespace

tl::unexpected<Error> malformed_attestation(std::string_view where, std::string_view what) {
  return fail(make_error(ErrorCode::kRefused, fmt::format("malformed attestation: {} {}", where, what))
                  .because(reason::kAttestationMalformed));
}

tl::unexpected<Error> refused_attestation(std::string message) {
  return fail(make_error(ErrorCode::kRefused, std::move(message)).because(reason::kAttestationRefused));
}

Result<void> check_text(std::string_view where, const TextRule& rule, const std::string& text) {
  if (rule.accepts(text)) return {};
  Error error = make_error(ErrorCode::kRefused, fmt::format("{} is \"{}\", expected {}", where,
                                                            escape(text, kMaxShownBytes), rule.to_string()))
                    .because(reason::kAttestationRefused);
  if (rule.accepts_part_of(text)) error.advice = "the pattern matches a part of it, and has to match all";
  return fail(std::move(error));
}

const Node* node_at(const Node& object, std::string_view path) {
  const Node* node = &object;
  while (node != nullptr && !path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    node = node->find(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return node == nullptr || node->kind == Node::Kind::kNull ? nullptr : node;
}

const std::string* text_at(const Node& object, std::string_view path) {
  const Node* const node = node_at(object, path);
  return node != nullptr && node->kind == Node::Kind::kString ? &node->text : nullptr;
}

std::string fingerprint_part(std::string_view what, std::string_view value) {
  return fmt::format("{} {}\n", what, base64_encode(value));
}

std::string fingerprint_part(std::string_view what, const TextRule& rule) {
  return fmt::format("{} {}", what, fingerprint_part(rule.is_pattern() ? "pattern" : "exactly", rule.text()));
}

}  // namespace kintsugi::trust
