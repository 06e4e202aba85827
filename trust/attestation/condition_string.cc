// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/condition_string.h"

#include <cstdint>
#include <optional>

#include "base/escape.h"
#include "base/hex_digit.h"
#include "trust/attestation/condition_lexer.h"

namespace kintsugi::trust::cel {
namespace {

constexpr std::string_view kPlainEscapes = "abfnrtv\\?\"'`";
constexpr std::string_view kPlainMeanings = "\a\b\f\n\r\t\v\\?\"'`";

std::optional<std::uint32_t> digit_of(char c, std::uint32_t base) {
  const auto digit = hex_digit(c);
  return digit && *digit < base ? digit : std::nullopt;
}

class StringReader {
 public:
  StringReader(std::string_view text, std::size_t& at) : text_(text), at_(at) {}

  Result<void> read(bool is_raw, std::string& out) {
    const std::size_t start = at_;
    const char quote = text_[at_++];
    if (text_.substr(start, 3) == std::string(3, quote))
      return fail(wrong_at(start, "triple quotes are not supported"));
    for (;;) {
      if (at_ == text_.size() || text_[at_] == '\n' || text_[at_] == '\r')
        return fail(wrong_at(start, "a string without its closing quote"));
      const char c = text_[at_++];
      if (c == quote) break;
      if (c != '\\' || is_raw) {
        out += c;
      } else if (auto read = escape_sequence(out); !read) {
        return read;
      }
    }
    if (!is_utf8(out)) return fail(wrong_at(start, "a string that is not UTF-8"));
    return {};
  }

 private:
  Result<void> escape_sequence(std::string& out) {
    if (at_ == text_.size()) return wrong();
    const char c = text_[at_++];
    if (const std::size_t plain = kPlainEscapes.find(c); plain != std::string_view::npos) {
      out += kPlainMeanings[plain];
      return {};
    }
    switch (c) {
      case 'x':
      case 'X': return code_point(2, 16, out);
      case 'u': return code_point(4, 16, out);
      case 'U': return code_point(8, 16, out);
      case '0':
      case '1':
      case '2':
      case '3': --at_; return code_point(3, 8, out);
      default: return wrong();
    }
  }

  Result<void> code_point(int digits, std::uint32_t base, std::string& out) {
    std::uint32_t point = 0;
    for (int i = 0; i < digits; ++i) {
      const auto digit = at_ < text_.size() ? digit_of(text_[at_], base) : std::nullopt;
      if (!digit || point > 0x10FFFF) return wrong();
      point = point * base + *digit;
      ++at_;
    }
    if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return wrong();
    append_utf8(point, out);
    return {};
  }

  Result<void> wrong() const { return fail(wrong_at(at_ - 1, "not an escape sequence of CEL")); }

  std::string_view text_;
  std::size_t& at_;
};

}  // namespace

Result<void> read_string_literal(std::string_view text, std::size_t& at, bool is_raw, std::string& out) {
  return StringReader(text, at).read(is_raw, out);
}

}  // namespace kintsugi::trust::cel
