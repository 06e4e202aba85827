// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/asn1.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/encoding.h"
#include "base/time.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace std::string_literals;

TEST_CASE("values in DER are told from those in BER") {
  struct Case {
    std::string name, bytes;
    bool good;
  };
  std::string deep = "\x05\0"s;
  for (int i = 0; i < 40; ++i) deep = "\x30"s + char(deep.size()) + deep;
  const auto c = GENERATE_COPY(values<Case>({
      {"integer", "\x02\x01\x05"s, true},
      {"zero", "\x02\x01\0"s, true},
      {"large integer", "\x02\x02\0\x80"s, true},
      {"sequence", "\x30\x06\x02\x01\x01\x01\x01\xFF"s, true},
      {"set in order", "\x31\x06\x02\x01\x01\x02\x01\x02"s, true},
      {"context tag", "\xA0\x03\x02\x01\x05"s, true},
      {"long length", "\x04\x81\x80"s + std::string(128, 'x'), true},
      {"empty", "", false},
      {"tag alone", "\x02"s, false},
      {"cut off", "\x02\x02\x05"s, false},
      {"trailing byte", "\x02\x01\x05\0"s, false},
      {"two values", "\x05\0\x05\0"s, false},
      {"long form of a short length", "\x02\x81\x01\x05"s, false},
      {"length with a leading zero", "\x04\x82\0\x80"s + std::string(128, 'x'), false},
      {"length of five bytes", "\x04\x85\0\0\0\0\x01x"s, false},
      {"length beyond the end", "\x04\x84\xFF\xFF\xFF\xFF"s, false},
      {"indefinite length", "\x30\x80\x05\0\0\0"s, false},
      {"padded integer", "\x02\x02\0\x05"s, false},
      {"padded negative integer", "\x02\x02\xFF\x80"s, false},
      {"empty integer", "\x02\0"s, false},
      {"boolean that is neither", "\x01\x01\x01"s, false},
      {"boolean of two bytes", "\x01\x02\xFF\xFF"s, false},
      {"bit string with eight unused bits", "\x03\x02\x08\0"s, false},
      {"bit string with unused bits set", "\x03\x02\x04\xFF"s, false},
      {"bit string without its first byte", "\x03\0"s, false},
      {"unused bits of no bits", "\x03\x01\x01"s, false},
      {"null with content", "\x05\x01\0"s, false},
      {"empty object identifier", "\x06\0"s, false},
      {"object identifier cut off", "\x06\x02\x2A\x86"s, false},
      {"object identifier with a leading zero", "\x06\x03\x2A\x80\x01"s, false},
      {"string in pieces", "\x24\x05\x04\x03"s + "abc", false},
      {"primitive sequence", "\x10\0"s, false},
      {"set out of order", "\x31\x06\x02\x01\x02\x02\x01\x01"s, false},
      {"high tag number", "\x9F\x81\x01\0"s, false},
      {"end of contents", "\0\0"s, false},
      {"wrong inside a context tag", "\xA0\x04\x02\x02\0\x05"s, false},
      {"too deep", deep, false},
  }));
  INFO(c.name);
  CHECK(is_der(c.bytes) == c.good);
}

TEST_CASE("times are read in the one form that each type has") {
  struct Case {
    std::string text;
    TimeForm form;
    std::string expected;  ///< empty: refused
  };
  constexpr auto kUtc = TimeForm::kUtcTime;
  constexpr auto kGeneral = TimeForm::kGeneralizedTime;
  constexpr auto kFraction = TimeForm::kGeneralizedTimeWithFraction;
  const auto c = GENERATE_COPY(values<Case>({
      {"260102030405Z", kUtc, "2026-01-02T03:04:05Z"},
      {"700101000000Z", kUtc, "1970-01-01T00:00:00Z"},
      {"20260102030405Z", kGeneral, "2026-01-02T03:04:05Z"},
      {"20240229000000Z", kGeneral, "2024-02-29T00:00:00Z"},
      {"20260102030405.25Z", kFraction, "2026-01-02T03:04:05.25Z"},
      {"20260102030405Z", kFraction, "2026-01-02T03:04:05Z"},
      {"", kUtc, ""},
      {"Z", kGeneral, ""},
      {"2601020304Z", kUtc, ""},
      {"260102030405", kUtc, ""},
      {"260102030405+0100", kUtc, ""},
      {"260102030405.5Z", kUtc, ""},
      {"20260102030405Z", kUtc, ""},
      {"260102030405Z", kGeneral, ""},
      {"20260102030405.5Z", kGeneral, ""},
      {"20260102030405.50Z", kFraction, ""},
      {"20260102030405.Z", kFraction, ""},
      {"20260102030405,5Z", kFraction, ""},
      {"20261302030405Z", kGeneral, ""},
      {"20250229000000Z", kGeneral, ""},
      {"99990230000000Z", kGeneral, ""},
      {"2026010203040 Z", kGeneral, ""},
  }));
  INFO(c.text);
  const auto time = parse_asn1_time(c.text, c.form);
  REQUIRE(time.has_value() == !c.expected.empty());
  if (time) CHECK(*time == parse_rfc3339(c.expected).value());
}

TEST_CASE("years that no WallTime holds are its ends") {
  CHECK(parse_asn1_time("99991231235959Z", TimeForm::kGeneralizedTime) == WallTime::max());
  CHECK(parse_asn1_time("500101000000Z", TimeForm::kUtcTime) == WallTime::min());
}

TEST_CASE("a UTF8String in DER gives its text, and nothing else does") {
  CHECK(parse_utf8_string("\x0C\x02hi"s) == "hi");
  CHECK(parse_utf8_string("\x0C\0"s) == "");
  CHECK(parse_utf8_string("\x0C\x81\x80"s + std::string(128, 'x')) == std::string(128, 'x'));
  CHECK(parse_utf8_string("\x0C\x82\x01\0"s + std::string(256, 'x')) == std::string(256, 'x'));
  const std::string bad =
      GENERATE(""s, "\x0C"s, "\x0C\x03hi"s, "\x0C\x01hi"s, "\x0C\x81\x02hi"s, "\x16\x02hi"s, "\x04\x02hi"s,
               "hi"s, "\x0C\x80hi\0\0"s, "\x2C\x04\x0C\x02hi"s, "\x0C\x02hi\x0C\x02hi"s);
  INFO(hex_encode(bad));
  CHECK_FALSE(parse_utf8_string(bad));
}
