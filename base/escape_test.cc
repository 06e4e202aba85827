// SPDX-License-Identifier: Apache-2.0
#include "base/escape.h"

#include <catch2/catch.hpp>

using kintsugi::escape;
using kintsugi::is_utf8;

TEST_CASE("ordinary text passes unchanged") {
  CHECK(escape("web-1 (héllo, 日本) {{ x }} 'q' \"d\"") == "web-1 (héllo, 日本) {{ x }} 'q' \"d\"");
}

TEST_CASE("whatever could steer a terminal or forge a line is made visible") {
  CHECK(escape("a\nb\r\tc") == "a\\nb\\r\\tc");
  CHECK(escape("\x1b[31mred") == "\\x1b[31mred");
  CHECK(escape("back\\slash") == "back\\\\slash");
  CHECK(escape("\x7f") == "\\x7f");
  CHECK(escape("\xc2\x9b"
               "31m") == "\\x9b31m");  // C1 CSI
  CHECK(escape("a\xe2\x80\xae"
               "b") == "a\\u{202e}b");  // right-to-left override
  CHECK(escape("a\xe2\x80\xa8"
               "b") == "a\\u{2028}b");  // line separator
  CHECK(escape("a\xe2\x80\x8b"
               "b") == "a\\u{200b}b");                // zero-width space
  CHECK(escape("\xf3\xa0\x81\x81") == "\\u{e0041}");  // tag character
  CHECK(escape("\xff\xfe") == "\\xff\\xfe");
  CHECK(escape(std::string("\0", 1)) == "\\x00");
}

TEST_CASE("long text is cut at a character") {
  CHECK(escape("abcdef", 3) == "abc…");
  CHECK(escape("ab\xc3\xa9", 3) == "ab…");
  CHECK(escape("abc", 3) == "abc");
}

TEST_CASE("UTF-8 is judged as RFC 3629 says") {
  CHECK(is_utf8("é\xf0\x9f\x98\x80"));
  const std::string bad = GENERATE("\x80", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                   "\xf8\x88\x80\x80\x80", "\xe2\x82");
  CHECK_FALSE(is_utf8(bad));
}
