// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/file_location.h"

#include <catch2/catch.hpp>

using namespace kintsugi;
using namespace kintsugi::trust;

TEST_CASE("a location has one spelling") {
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"/golden/web.qcow2", "file:///golden/web.qcow2"},
           {"file:///golden/web.qcow2", "file:///golden/web.qcow2"},
           {"/golden/a b%20*?#.qcow2", "file:///golden/a b%20*?#.qcow2"},
           {"https://Images.Example.com/golden/web.qcow2", "https://images.example.com/golden/web.qcow2"},
           {"https://images.example.com:443/web.qcow2", "https://images.example.com/web.qcow2"},
           {"https://images.example.com:8443/Web.qcow2", "https://images.example.com:8443/Web.qcow2"},
           {"http://127.0.0.1:80/web.qcow2", "http://127.0.0.1/web.qcow2"},
       }) {
    INFO(text);
    const auto location = FileLocation::parse(text);
    REQUIRE(location);
    CHECK(location->text() == expected);
    CHECK(FileLocation::parse(expected)->text() == expected);
  }
  CHECK(FileLocation::parse("/a/b")->is_path());
  CHECK(FileLocation::parse("/a/b")->path() == "/a/b");
  CHECK_FALSE(FileLocation::parse("https://h/b")->is_path());
}

TEST_CASE("what could be spelt in another way, or is no place for a file, is refused") {
  const std::string bad = GENERATE(
      as<std::string>(), "", "golden/web.qcow2", "./web.qcow2", "/", "//golden/web.qcow2",
      "/golden//web.qcow2", "/golden/./web.qcow2", "/golden/../etc/passwd", "/golden/..", "/golden/",
      "file://", "file://host/web.qcow2", "file:/golden/web.qcow2", "https://", "https://h", "https://h/",
      "https:///web.qcow2", "https://h//web.qcow2", "https://h/../web.qcow2", "https://h/%2e%2e/web.qcow2",
      "https://h/a%2Fb", "https://h/web.qcow2?token=s", "https://h/web.qcow2#x", "https://u:p@h/web.qcow2",
      "https://h:0x1/web.qcow2", "https://h/a b", "ftp://h/web.qcow2", "HTTPS://h/web.qcow2",
      "oci://r.example.com/web:1", "json:{}", "nbd://h/x", "/golden/a\nb", "/golden/\x7F",
      "https://h\\@evil/web.qcow2", "/" + std::string(1024, 'x'), std::string("/golden/web\0.qcow2", 18));
  INFO(bad);
  CHECK_FALSE(FileLocation::parse(bad));
}

TEST_CASE("what may be a secret in a location is not shown") {
  for (const char* text : {"https://user:hunter2@h/web.qcow2", "https://h/web.qcow2?token=hunter2",
                           "oci://user:hunter2@h/web", "x://a@hunter2"}) {
    INFO(text);
    CHECK(shown_location(text).find("hunter2") == std::string::npos);
    const auto location = FileLocation::parse(text);
    REQUIRE_FALSE(location);
    CHECK(location.error().to_string().find("hunter2") == std::string::npos);
  }
  CHECK(shown_location("https://h/web.qcow2") == "https://h/web.qcow2");
  CHECK(shown_location("oci://r/web@sha256:00") == "oci://r/web@sha256:00");
  CHECK(shown_location("/golden/a@b?c") == "/golden/a@b?c");
}

TEST_CASE("globs select files element by element") {
  const auto& [glob, location, matches] = GENERATE(table<std::string, std::string, bool>({
      {"file:///golden/**", "/golden/web.qcow2", true},
      {"file:///golden/**", "/golden/a/b/web.qcow2", true},
      {"file:///golden/**", "/golden", false},
      {"file:///golden/**", "/golden2/web.qcow2", false},
      {"file:///golden/*.qcow2", "/golden/web.qcow2", true},
      {"file:///golden/*.qcow2", "/golden/a/web.qcow2", false},
      {"file:///golden/*.qcow2", "/golden/web.raw", false},
      {"file:///**/web.qcow2", "/golden/a/web.qcow2", true},
      {"file:///**/web.qcow2", "/web.qcow2", true},
      {"file:///**", "/x", true},
      {"file:///**", "https://h/x", false},
      {"file:///golden/web.qcow2", "/golden/web.qcow2", true},
      {"https://images.example.com/**", "https://images.example.com/web.qcow2", true},
      {"https://Images.Example.com:443/**", "https://images.example.com/web.qcow2", true},
      {"https://images.example.com/**", "http://images.example.com/web.qcow2", false},
      {"https://images.example.com/**", "https://images.example.com:8443/web.qcow2", false},
      {"https://images.example.com/**", "https://images.example.com.evil.com/web.qcow2", false},
      {"https://images.example.com/**", "/images.example.com/web.qcow2", false},
  }));
  INFO(glob << " " << location);
  CHECK(FileGlob::parse(glob)->matches(*FileLocation::parse(location)) == matches);
}

TEST_CASE("globs that are none are refused") {
  const std::string bad = GENERATE(
      as<std::string>(), "", "**", "/golden/**", "file://", "file:///", "file://golden/**", "file:///golden/",
      "file:///golden/../**", "file:///golden/a**", "https://**", "https://*/x", "https://*.example.com/x",
      "https://h", "https://h/?x", "registry.example.com/**", "file:///golden/\n*");
  INFO(bad);
  CHECK_FALSE(FileGlob::parse(bad));
}

TEST_CASE("a policy's text is about files or about images in registries") {
  CHECK(is_about_files("file:///x"));
  CHECK(is_about_files("https://h/x"));
  CHECK(is_about_files("http://h/x"));
  for (const char* text : {"", "**", "registry.example.com/**", "/golden", "file", "oci://r/x"})
    CHECK_FALSE(is_about_files(text));
}
