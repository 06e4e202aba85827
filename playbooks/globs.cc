// SPDX-License-Identifier: Apache-2.0
#include "playbooks/globs.h"

#include <cstdint>

namespace kintsugi::playbooks {
namespace {

/// Where the character after the one at `at` begins.
std::size_t next_character(std::string_view text, std::size_t at) {
  do {
    ++at;
  } while (at < text.size() && (std::uint8_t(text[at]) & 0xC0) == 0x80);
  return at;
}

}  // namespace

// Only the last star is ever widened: an earlier one that took more would leave less for the same rest.
bool glob_matches(std::string_view pattern, std::string_view text) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t in_pattern = 0;
  std::size_t in_text = 0;
  std::size_t after_star = kNone;
  std::size_t star_ends = 0;
  while (in_text < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      after_star = ++in_pattern;
      star_ends = in_text;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == '?') {
      ++in_pattern;
      in_text = next_character(text, in_text);
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[in_text]) {
      ++in_pattern;
      ++in_text;
    } else if (after_star != kNone) {
      in_pattern = after_star;
      in_text = star_ends = next_character(text, star_ends);
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '*') ++in_pattern;
  return in_pattern == pattern.size();
}

}  // namespace kintsugi::playbooks
