// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/vex.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "trust/attestation/attestation_testing.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;

namespace {

const std::string kHex(64, 'a');
const std::string kImage =
    R"("products":[{"@id":"pkg:oci/shop@sha256%3A)" + kHex + R"(?repository_url=r.io/shop"}])";
const std::string kHarmless = R"("status":"not_affected","justification":"component_not_present")";

Result<std::set<std::string>> exceptions_of(const std::string& statements,
                                            const std::string& type = "https://openvex.dev/ns/v0.2.0") {
  const std::string document =
      R"({"@context":"https://openvex.dev/ns/v0.2.0","@id":"a","author":"b","timestamp":"2026-01-01T00:00:00Z",)"
      R"("version":1,"statements":[)" +
      statements + "]}";
  return vex_exceptions(statement_of(type, document), image_digest());
}

std::string entry(const std::string& products, const std::string& status,
                  const std::string& vulnerability = R"({"name":"CVE-1"})") {
  return R"({"vulnerability":)" + vulnerability + "," + products + (products.empty() ? "" : ",") + status +
         "}";
}

}  // namespace

TEST_CASE("what a VEX document finds harmless in the image is excepted") {
  for (const std::string& products :
       {kImage, R"("products":["pkg:oci/shop@sha256:)" + kHex + R"("])",
        R"("products":[{"@id":"r.io/shop@sha256:)" + kHex + R"("}])",
        R"("products":[{"@id":"sha256:)" + kHex + R"("}])",
        R"("products":[{"@id":"other"},{"identifiers":{"purl":"pkg:oci/shop@sha256%3a)" + kHex + R"("}}])",
        R"("products":[{"@id":"shop","hashes":{"sha-256":")" + kHex + R"("}}])"}) {
    INFO(products);
    CHECK(exceptions_of(entry(products, kHarmless)).value() == std::set<std::string>{"CVE-1"});
  }
  CHECK(exceptions_of(entry(kImage, R"("status":"fixed")")).value().contains("CVE-1"));
  CHECK(exceptions_of(entry(kImage, R"("status":"not_affected","impact_statement":"x")")).value().size() ==
        1);
  CHECK(exceptions_of(entry(kImage, kHarmless, R"({"name":"CVE-1","aliases":["GHSA-1"]})")).value() ==
        std::set<std::string>{"CVE-1", "GHSA-1"});
  CHECK(exceptions_of(entry(kImage, kHarmless, R"("CVE-1")")).value().contains("CVE-1"));
  CHECK(exceptions_of("").value().empty());
}

TEST_CASE("what a VEX document says of something else excepts nothing") {
  const std::string other(64, 'b');
  for (const std::string& products :
       {std::string(), std::string(R"("products":[])"), std::string(R"("products":["pkg:oci/shop"])"),
        R"("products":["pkg:oci/shop@sha256%3A)" + other + R"("])",
        R"("products":["pkg:oci/shop@sha256%3A)" + kHex + R"(0"])",
        R"("products":["pkg:oci/shop@sha256%3A)" + kHex.substr(1) + R"("])",
        R"("products":["pkg:oci/shop?x=@sha256:)" + kHex + R"("])",
        R"("products":["pkg:oci/shop#sha256:)" + kHex + R"("])",
        R"("products":["pkg:oci/sha256:)" + kHex + R"("])",
        R"("products":[{"name":"sha256:)" + kHex + R"("}])",
        R"("products":[{"@id":["sha256:)" + kHex + R"("]}])",
        R"("products":[{"hashes":{"sha-512":")" + kHex + R"("}}])",
        R"("products":[["sha256:)" + kHex + R"("]])",
        R"("products":[{"@id":"x","subcomponents":[{"@id":"sha256:)" + kHex + R"("}]}])",
        R"("products":[{"@id":"sha256:)" + kHex + R"(","subcomponents":[{"@id":"pkg:deb/curl"}]}])"}) {
    INFO(products);
    CHECK(exceptions_of(entry(products, kHarmless)).value().empty());
  }
  for (const char* status : {R"("status":"affected")", R"("status":"under_investigation")"})
    CHECK(exceptions_of(entry(kImage, status)).value().empty());
}

TEST_CASE("the last statement about a vulnerability counts, and of two the worse") {
  const std::string later = R"(,"timestamp":"2026-01-02T00:00:00Z")";
  const std::string affected = R"("status":"affected")";
  const std::pair<std::string, bool> cases[] = {
      {entry(kImage, affected) + "," + entry(kImage, kHarmless + later), true},
      {entry(kImage, kHarmless + later) + "," + entry(kImage, affected), true},
      {entry(kImage, kHarmless) + "," + entry(kImage, affected + later), false},
      {entry(kImage, affected + later) + "," + entry(kImage, kHarmless), false},
      {entry(kImage, kHarmless) + "," + entry(kImage, affected), false},
      {entry(kImage, affected) + "," + entry(kImage, kHarmless), false},
      {entry(kImage, kHarmless) + "," + entry("", affected + later), false},
      {entry(kImage, kHarmless) + "," + entry(kImage, affected, R"({"name":"GHSA-1","aliases":["CVE-1"]})"),
       false},
      {entry(kImage, kHarmless) + "," + entry(R"("products":["pkg:oci/other"])", affected + later), true},
      {entry(kImage, kHarmless) + "," + entry(kImage, affected, R"({"name":"CVE-2"})"), true},
  };
  for (const auto& [statements, is_excepted] : cases) {
    INFO(statements);
    CHECK(exceptions_of(statements).value().contains("CVE-1") == is_excepted);
  }
}

TEST_CASE("a VEX document that is not of its form is malformed") {
  for (const std::string& statements :
       {std::string("1"), std::string("{}"), std::string("null"), entry(kImage, R"("status":"harmless")"),
        entry(kImage, R"("status":null)"), entry(kImage, R"("status":"Fixed")"),
        entry(kImage, R"("status":"not_affected")"),
        entry(kImage, R"("status":"not_affected","justification":"")"), entry(kImage, kHarmless, "{}"),
        entry(kImage, kHarmless, R"({"name":""})"), entry(kImage, kHarmless, R"({"@id":"CVE-1"})"),
        entry(kImage, kHarmless, "1"), entry(kImage, kHarmless, R"({"name":"a","aliases":"b"})"),
        entry(kImage, kHarmless, R"({"name":"a","aliases":[1]})"), entry(R"("products":{})", kHarmless),
        entry(R"("products":"x")", kHarmless), entry(kImage, kHarmless + R"(,"timestamp":"now")"),
        entry(kImage, kHarmless + R"(,"timestamp":1)")}) {
    INFO(statements);
    const auto result = exceptions_of(statements);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::kRefused);
    CHECK(result.error().reason == reason::kAttestationMalformed);
  }
  for (const char* document :
       {"{}", "[]", "null", R"("x")", R"({"@context":"https://openvex.dev/ns","statements":[]})",
        R"({"@context":"https://example.com","timestamp":"2026-01-01T00:00:00Z","statements":[]})",
        R"({"@context":"https://openvex.dev/ns","timestamp":"2026-01-01T00:00:00Z"})",
        R"({"@context":"https://openvex.dev/ns","timestamp":"2026-01-01T00:00:00Z","statements":{}})",
        R"({"timestamp":"2026-01-01T00:00:00Z","statements":[]})"}) {
    INFO(document);
    CHECK_FALSE(vex_exceptions(statement_of(kOpenVexPredicate, document), image_digest()));
  }
  CHECK_FALSE(exceptions_of(entry(kImage, kHarmless), "https://example.com/ns"));
  CHECK_FALSE(exceptions_of(entry(kImage, kHarmless), "https://openvex.dev/nsx"));
}
