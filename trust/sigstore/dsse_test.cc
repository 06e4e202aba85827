// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/dsse.h"

#include <catch2/catch.hpp>

#include "trust/crypto/reasons.h"
#include "trust/sigstore/statement.h"

using namespace kintsugi;
using namespace kintsugi::trust;

TEST_CASE("what is signed is the type and the payload, each with its length") {
  CHECK(Envelope{"application/vnd.in-toto+json", "{}", {}}.pre_authentication_encoding() ==
        "DSSEv1 28 application/vnd.in-toto+json 2 {}");
  // The specification's own example (protocol.md).
  CHECK(Envelope{"http://example.com/HelloWorld", "hello world", {}}.pre_authentication_encoding() ==
        "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  CHECK(Envelope{"", "", {}}.pre_authentication_encoding() == "DSSEv1 0  0 ");
}

TEST_CASE("an envelope is read strictly") {
  const auto good =
      parse_envelope(R"({"payloadType":"t","payload":"cA==","signatures":[{"sig":"cw==","keyid":"k"}]})");
  REQUIRE(good);
  CHECK(good->payload_type == "t");
  CHECK(good->payload == "p");
  CHECK(good->signature == "s");
  for (const char* bad : {
           "",
           "{}",
           R"({"payloadType":"t","payload":"cA==","signatures":[]})",
           R"({"payloadType":"t","payload":"cA==","signatures":[{"sig":"cw=="},{"sig":"cw=="}]})",
           R"({"payloadType":"t","payload":"cA==","signatures":{"sig":"cw=="}})",
           R"({"payloadType":"t","payload":"cA","signatures":[{"sig":"cw=="}]})",
           R"({"payloadType":"t","payload":"cA==","signatures":[{"sig":""}]})",
           R"({"payloadType":1,"payload":"cA==","signatures":[{"sig":"cw=="}]})",
           R"({"payload":"cA==","signatures":[{"sig":"cw=="}]})",
           R"({"payloadType":"t","payload":"cA==","payload":"cQ==","signatures":[{"sig":"cw=="}]})",
           R"({"payloadType":"t","payload":"cA==","signatures":[{"sig":"cw==","cert":"x"}]})",
       }) {
    INFO(bad);
    const auto refused = parse_envelope(bad);
    CHECK_FALSE(refused);
    if (!refused) CHECK(refused.error().reason == reason::kPayloadMalformed);
  }
}

TEST_CASE("a statement of more subjects or digests than anybody needs is refused") {
  const std::string subject = R"({"name":"a","digest":{"sha1":"00"}})";
  const auto statement = [](const std::string& subjects) {
    return parse_statement(
        {kStatementType,
         R"({"_type":"https://in-toto.io/Statement/v0.1","predicateType":"p","subject":[)" + subjects + "]}",
         {}});
  };
  const auto list = [](std::size_t count, const std::string& item) {
    std::string text = item;
    for (std::size_t i = 1; i < count; ++i) text += "," + item;
    return text;
  };
  REQUIRE(statement(list(1024, subject)));
  CHECK(statement(list(1024, subject))->subjects.empty());
  CHECK_FALSE(statement(list(1025, subject)));
  std::string digests = R"("a0":"")";
  for (int i = 1; i < 33; ++i) digests += ",\"a" + std::to_string(i) + "\":\"\"";
  CHECK_FALSE(statement("{\"digest\":{" + digests + "}}"));
  CHECK_FALSE(statement(R"({"digest":[]})"));
  CHECK_FALSE(statement(R"({"digest":{"sha256":1}})"));
  CHECK_FALSE(statement("7"));
}
