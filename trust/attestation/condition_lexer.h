// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kintsugi::trust::cel {

struct Token {
  enum class Kind : std::uint8_t { kEnd, kWord, kInt, kDouble, kString, kSymbol };
  Kind kind = Kind::kEnd;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::string_view text;  ///< as written
  std::string value;      ///< of a kString: decoded

  bool is_symbol(std::string_view symbol) const { return kind == Kind::kSymbol && text == symbol; }
  bool is_word(std::string_view word) const { return kind == Kind::kWord && text == word; }
};

/// kInvalidInput: "position 5: what"; positions count bytes from 1.
Error wrong_at(std::size_t offset, std::string_view what);

/// The first token of `text` at `offset` or after it, past white space and comments.
Result<Token> next_token(std::string_view text, std::size_t offset);

}  // namespace kintsugi::trust::cel
