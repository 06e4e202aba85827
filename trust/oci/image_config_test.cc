// SPDX-License-Identifier: Apache-2.0
#include "trust/oci/image_config.h"

#include <catch2/catch.hpp>

#include "base/time.h"
#include "trust/crypto/reasons.h"

using namespace kintsugi;
using namespace kintsugi::trust;

TEST_CASE("an image configuration says when it was made, and which version it is") {
  const auto origin = parse_image_config(R"({"architecture":"amd64","created":"2026-11-20T10:00:00.5Z",
    "config":{"Labels":{"org.opencontainers.image.version":"1.2.3","x":"y"},"Env":["A=b"]},"history":[{}]})");
  REQUIRE(origin);
  CHECK(origin->created == parse_rfc3339("2026-11-20T10:00:00.5Z").value());
  CHECK(origin->version == "1.2.3");
}

TEST_CASE("what an image configuration does not say is not known") {
  const char* text =
      GENERATE("{}", R"({"created":null,"config":null})", R"({"config":{"Labels":null}})",
               R"({"created":"1970-01-01T00:00:00Z"})", R"({"created":"1980-01-01T00:00:01Z"})",
               R"({"created":"0001-01-01T00:00:00Z"})", R"({"created":"yesterday"})",
               R"({"created":"","config":{"Labels":{}}})");
  INFO(text);
  const auto origin = parse_image_config(text);
  REQUIRE(origin);
  CHECK(*origin == ImageOrigin{});
}

TEST_CASE("an image configuration of another form is refused") {
  const std::string text =
      GENERATE(as<std::string>(), "", "[]", "null", R"({"created":1})", R"({"created":{},"config":{}})",
               R"({"config":{"Labels":{"org.opencontainers.image.version":1}}})",
               R"({"created":"a","created":"b"})", "{\"created\":\"\xff\"}", "{", R"({} {})");
  INFO(text);
  const auto origin = parse_image_config(text);
  REQUIRE_FALSE(origin);
  CHECK(origin.error().reason == reason::kManifestMalformed);
  CHECK(parse_image_config(std::string(kMaxImageConfigBytes + 1, ' ')).error().reason == reason::kTooLarge);
}
