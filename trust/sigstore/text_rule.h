// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/strict_reader.h"

namespace re2 {
class RE2;
}

namespace kintsugi::trust {

/// What a text has to be: exactly this, or something that a pattern matches as a whole. A value; copies share
/// the pattern; thread-safe.
class TextRule {
 public:
  static TextRule exactly(std::string text);
  /// RE2's syntax (google/re2/wiki/Syntax), which takes linear time whatever the text. At most 1,024 bytes.
  /// Errors: kInvalidInput with what is wrong, kTooLarge.
  static Result<TextRule> matching(std::string pattern);

  bool accepts(std::string_view text) const;
  /// A pattern matches somewhere in the text and not the whole: what tools that do not anchor would accept.
  bool accepts_part_of(std::string_view text) const;
  bool is_pattern() const { return pattern_ != nullptr; }
  const std::string& text() const { return text_; }
  /// For people, escaped: `"text"`, or `/pattern/`.
  std::string to_string() const;

 private:
  explicit TextRule(std::string text, std::shared_ptr<const re2::RE2> pattern)
      : text_(std::move(text)), pattern_(std::move(pattern)) {}
  std::string text_;
  std::shared_ptr<const re2::RE2> pattern_;  ///< null: exactly `text_`
};

/// The rule of a document's member `name`, or of `namePattern`: one of them, or where it is optional none.
/// What is wrong is reported to the reader, which has to know both; there is then no rule.
std::optional<TextRule> read_text_rule(ObjectReader& reader, const std::string& name,
                                       Presence presence = Presence::kOptional);

}  // namespace kintsugi::trust
