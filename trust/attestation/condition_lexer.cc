// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/condition_lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/escape.h"
#include "trust/attestation/condition_string.h"

namespace kintsugi::trust::cel {
namespace {

constexpr std::array<std::string_view, 8> kLongSymbols{"==", "!=", "<=", ">=", "&&", "||", "{", "}"};
constexpr std::string_view kSymbols = "<>+-*/%!?:.,()[]";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

class Lexer {
 public:
  Lexer(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  Result<Token> next() {
    skip_blank();
    Token token;
    token.begin = std::uint32_t(at_);
    if (at_ < text_.size()) {
      if (auto read = read_token(token); !read) return fail(std::move(read).error());
    }
    token.end = std::uint32_t(at_);
    token.text = text_.substr(token.begin, token.end - token.begin);
    return token;
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  template <class Predicate>
  void skip_while(Predicate predicate) {
    while (at_ < text_.size() && predicate(text_[at_])) ++at_;
  }

  void skip_blank() {
    for (;;) {
      skip_while([](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; });
      if (peek() != '/' || peek(1) != '/') return;
      skip_while([](char c) { return c != '\n'; });
    }
  }

  Result<void> read_token(Token& token) {
    const char c = peek();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number(token);
    if (c == '"' || c == '\'') return string(token, false);
    if (is_word_start(c)) return word(token);
    token.kind = Token::Kind::kSymbol;
    for (const std::string_view symbol : kLongSymbols) {
      if (!text_.substr(at_).starts_with(symbol)) continue;
      if (symbol == "{" || symbol == "}") return fail(wrong_at(at_, "maps and messages are not supported"));
      at_ += symbol.size();
      return {};
    }
    if (kSymbols.find(c) == std::string_view::npos) {
      return fail(wrong_at(
          at_, fmt::format("'{}' has no meaning here", escape(text_.substr(at_, character_bytes(c)), 16))));
    }
    ++at_;
    return {};
  }

  static std::size_t character_bytes(char lead) {
    const auto byte = std::uint8_t(lead);
    return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
  }

  Result<void> word(Token& token) {
    const bool is_quoted = peek(1) == '"' || peek(1) == '\'';
    if (is_quoted && (peek() == 'r' || peek() == 'R')) {
      ++at_;
      return string(token, true);
    }
    token.kind = Token::Kind::kWord;
    skip_while([](char c) { return is_word_start(c) || is_digit(c); });
    if (peek() == '"' || peek() == '\'') return fail(wrong_at(token.begin, "bytes are not supported"));
    return {};
  }

  Result<void> string(Token& token, bool is_raw) {
    token.kind = Token::Kind::kString;
    return read_string_literal(text_, at_, is_raw, token.value);
  }

  Result<void> number(Token& token) {
    token.kind = Token::Kind::kInt;
    if (peek() == '0' && peek(1) == 'x') {
      at_ += 2;
      if (!is_hex_digit(peek())) return fail(wrong_at(token.begin, "0x without digits"));
      skip_while(is_hex_digit);
    } else {
      skip_while(is_digit);
      if (peek() == '.' && is_digit(peek(1))) {
        token.kind = Token::Kind::kDouble;
        ++at_;
        skip_while(is_digit);
      }
      if (peek() == 'e' || peek() == 'E') {
        token.kind = Token::Kind::kDouble;
        ++at_;
        if (peek() == '+' || peek() == '-') ++at_;
        if (!is_digit(peek())) return fail(wrong_at(token.begin, "an exponent without digits"));
        skip_while(is_digit);
      }
    }
    if (peek() == 'u' || peek() == 'U')
      return fail(wrong_at(token.begin, "unsigned integers are not supported"));
    if (is_word_start(peek()) || is_digit(peek())) return fail(wrong_at(token.begin, "not a number"));
    return {};
  }

  std::string_view text_;
  std::size_t at_;
};

}  // namespace

Error wrong_at(std::size_t offset, std::string_view what) {
  return make_error(ErrorCode::kInvalidInput, fmt::format("position {}: {}", offset + 1, what));
}

Result<Token> next_token(std::string_view text, std::size_t offset) {
  return Lexer(text, offset).next();
}

}  // namespace kintsugi::trust::cel
