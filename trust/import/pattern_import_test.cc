// SPDX-License-Identifier: Apache-2.0
#include "trust/import/pattern_import.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "trust/sigstore/text_rule.h"

namespace kintsugi::trust {

using nlohmann::json;

TEST_CASE("a pattern accepts as a whole exactly what Go's regular expression matches in part") {
  const json meanings = json::parse(read_file("trust/testdata/import/meanings.json", 1u << 20).value());
  std::size_t carried = 0;
  for (const json& row : meanings["patterns"]) {
    const std::string pattern = row["pattern"];
    INFO(pattern);
    const auto translated = translate_pattern(pattern);
    if (row["matches"].is_null()) CHECK_FALSE(translated);
    if (!translated) continue;
    ++carried;
    INFO(*translated);
    const auto rule = TextRule::matching(*translated).value();
    const auto& matches = row["matches"];
    for (const std::string text : meanings["texts"]) {
      INFO("text " << text);
      CHECK(rule.accepts(text) == (std::find(matches.begin(), matches.end(), text) != matches.end()));
    }
  }
  CHECK(carried >= 50);
}

TEST_CASE("plain anchors are made use of, and everything else is wrapped") {
  const std::pair<const char*, const char*> cases[] = {
      {"^https://github\\.com/shop/web$", "https://github\\.com/shop/web"},
      {"^https://github\\.com/shop/", "https://github\\.com/shop/(?s:.*)"},
      {"@example\\.com$", "(?s:.*)@example\\.com"},
      {"shop", "(?s:.*)(?:shop)(?s:.*)"},
      {"^a|b$", "(?s:.*)(?:^a|b$)(?s:.*)"},
      {"^(?m)a$", "(?s:.*)(?:^(?m)a$)(?s:.*)"},
      {"a\\$", "(?s:.*)(?:a\\$)(?s:.*)"},
      {"a\\\\$", "(?s:.*)a\\\\"},
      {"^*a$", "(?s:.*)(?:^*a$)(?s:.*)"},
      {"^$", "(?s:.*)(?:^$)(?s:.*)"},
  };
  for (const auto& [pattern, expected] : cases) {
    INFO(pattern);
    CHECK(translate_pattern(pattern).value() == expected);
  }
}

TEST_CASE("what would mean something else when it is wrapped is refused") {
  const std::pair<const char*, ErrorCode> cases[] = {
      {"a)(b", ErrorCode::kInvalidInput},       {"(a", ErrorCode::kInvalidInput},
      {"[a", ErrorCode::kInvalidInput},         {"a\\", ErrorCode::kInvalidInput},
      {"*a", ErrorCode::kInvalidInput},         {"(?=a)", ErrorCode::kInvalidInput},
      {"(a)\\1", ErrorCode::kInvalidInput},     {"a{1001}", ErrorCode::kInvalidInput},
      {"\\C", ErrorCode::kInvalidInput},        {"\\Qa", ErrorCode::kUnsupported},
      {"^\\Qa.b\\E$", ErrorCode::kUnsupported}, {"\xff", ErrorCode::kInvalidInput},
  };
  for (const auto& [pattern, code] : cases) {
    INFO(pattern);
    const auto translated = translate_pattern(pattern);
    REQUIRE_FALSE(translated);
    CHECK(translated.error().code == code);
  }
  CHECK(translate_pattern(std::string(1025, 'a')).error().code == ErrorCode::kTooLarge);
  // Together with what is put around it.
  CHECK(translate_pattern(std::string(1020, 'a')).error().code == ErrorCode::kTooLarge);
  CHECK(translate_pattern("^" + std::string(1020, 'a') + "$").has_value());
}

}  // namespace kintsugi::trust
