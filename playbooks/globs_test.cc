// SPDX-License-Identifier: Apache-2.0
#include "playbooks/globs.h"

#include <catch2/catch.hpp>
#include <string>

using kintsugi::playbooks::glob_matches;

TEST_CASE("Globs: what matches") {
  struct Case {
    std::string pattern, text;
  };
  const auto c = GENERATE(values<Case>({
      {"", ""},
      {"*", ""},
      {"*", "anything"},
      {"**", "x"},
      {"a", "a"},
      {"a*", "a"},
      {"a*", "abc"},
      {"*c", "abc"},
      {"a*c", "abbbc"},
      {"a*b*c", "a-b-b-c"},
      {"*ab", "aab"},
      {"a?c", "abc"},
      {"?", "ä"},
      {"??", "äö"},
      {"*?", "€"},
      {"*?c", "äc"},
      {"Reverse shell*", "Reverse shell in container"},
      {"[a]", "[a]"},
      {"a.c", "a.c"},
      {"*\xff", "x\xff"},
  }));
  INFO(c.pattern << " " << c.text);
  CHECK(glob_matches(c.pattern, c.text));
}

TEST_CASE("Globs: what does not") {
  struct Case {
    std::string pattern, text;
  };
  const auto c = GENERATE(values<Case>({
      {"", "a"},     {"a", ""},     {"?", ""},          {"*?", ""},
      {"a", "b"},    {"a", "aa"},   {"aa", "a"},        {"a*", "ba"},
      {"*a", "ab"},  {"a?c", "ac"}, {"a?c", "abbc"},    {"?", "ab"},
      {"??", "ä"},   {"*??", "ä"},  {"A", "a"},         {"a.c", "abc"},
      {"[ab]", "a"}, {"a\\*", "a"}, {"a*b*c", "a-c-b"}, {"Reverse shell*", "A Reverse shell"},
  }));
  INFO(c.pattern << " " << c.text);
  CHECK_FALSE(glob_matches(c.pattern, c.text));
}

TEST_CASE("Globs: many stars on a long text end soon") {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  CHECK_FALSE(glob_matches(pattern + "*b", std::string(100'000, 'a')));
}
