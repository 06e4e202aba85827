// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/text_rule.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <cstdint>
#include <utility>

#include "base/escape.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxPatternBytes = 1024;
constexpr std::size_t kMaxShownBytes = 256;
constexpr std::int64_t kMaxMemory = 1 << 20;

}  // namespace

TextRule TextRule::exactly(std::string text) {
  return TextRule(std::move(text), nullptr);
}

Result<TextRule> TextRule::matching(std::string pattern) {
  if (pattern.size() > kMaxPatternBytes) return fail(ErrorCode::kTooLarge, "a pattern over 1024 bytes");
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxMemory);
  auto compiled = std::make_shared<const RE2>(pattern, options);
  if (!compiled->ok()) {
    return fail(ErrorCode::kInvalidInput, fmt::format("no pattern that RE2 understands: {}",
                                                      escape(compiled->error(), kMaxShownBytes)));
  }
  return TextRule(std::move(pattern), std::move(compiled));
}

bool TextRule::accepts(std::string_view text) const {
  if (pattern_ == nullptr) return text == text_;
  return RE2::FullMatch({text.data(), text.size()}, *pattern_);
}

bool TextRule::accepts_part_of(std::string_view text) const {
  return pattern_ != nullptr && !accepts(text) && RE2::PartialMatch({text.data(), text.size()}, *pattern_);
}

std::string TextRule::to_string() const {
  const std::string shown = escape(text_, kMaxShownBytes);
  return pattern_ == nullptr ? "\"" + shown + "\"" : "/" + shown + "/";
}

std::optional<TextRule> read_text_rule(ObjectReader& reader, const std::string& name, Presence presence) {
  const std::string pattern_name = name + "Pattern";
  std::string text;
  const bool is_exact = reader.string(name, text);
  const bool is_pattern = reader.string(pattern_name, text);
  if (!is_exact && !is_pattern && presence == Presence::kOptional) return std::nullopt;
  if (is_exact == is_pattern) {
    const std::string_view needed = presence == Presence::kRequired ? "exactly" : "at most";
    reader.report(name, fmt::format("{} one of '{}' and '{}' is {}", needed, name, pattern_name,
                                    presence == Presence::kRequired ? "needed" : "allowed"));
    return std::nullopt;
  }
  if (text.empty()) reader.report(is_exact ? name : pattern_name, "is empty");
  if (is_exact) return TextRule::exactly(std::move(text));
  auto rule = TextRule::matching(std::move(text));
  if (rule) return *std::move(rule);
  reader.report(pattern_name, rule.error().message);
  return std::nullopt;
}

}  // namespace kintsugi::trust
