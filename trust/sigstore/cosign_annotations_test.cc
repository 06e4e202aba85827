// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/cosign_annotations.h"

#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "trust/crypto/certificate.h"
#include "trust/crypto/reasons.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using nlohmann::json;

namespace {

const std::string kPrefix = "dev.sigstore.cosign/";

std::string pem_of_root() {
  return read_file("trust/testdata/images/pki/root.crt", 1u << 16).value();
}

/// As cosign writes it, about nothing in particular.
json log_bundle() {
  const std::string body = R"({"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}})";
  return {
      {"SignedEntryTimestamp", base64_encode("promise")},
      {"Payload",
       {{"body", base64_encode(body)}, {"integratedTime", 1700000000}, {"logIndex", 7}, {"logID", "c0ff"}}}};
}

Result<VerificationMaterial> read_one(const std::string& name, const std::string& text) {
  return read_cosign_annotations({{kPrefix + name, text}});
}

}  // namespace

TEST_CASE("what cosign keeps of a signer in annotations is read") {
  const auto none =
      read_cosign_annotations({{"dev.cosignproject.cosign/signature", "x"}, {kPrefix + "bundle", ""}});
  REQUIRE(none);
  CHECK(none->certificates.empty());
  CHECK(none->log_entries.empty());

  const std::string pem = pem_of_root();
  const auto all = read_cosign_annotations(
      {{kPrefix + "certificate", pem},
       {kPrefix + "chain", pem + pem},
       {kPrefix + "bundle", log_bundle().dump()},
       {kPrefix + "rfc3161timestamp", json{{"SignedRFC3161Timestamp", base64_encode("token")}}.dump()}});
  REQUIRE(all);
  const std::string der = Certificate::parse_pem(pem).value().front().der();
  CHECK(all->certificates == std::vector{der, der, der});
  CHECK(all->timestamps == std::vector<std::string>{"token"});
  REQUIRE(all->log_entries.size() == 1);
  const LogEntry& entry = all->log_entries.front();
  CHECK(entry.kind == "hashedrekord");
  CHECK(entry.version == "0.0.1");
  CHECK(entry.log_index == 7);
  CHECK(entry.log_id == "\xc0\xff");
  CHECK(entry.integrated_time == WallTime(std::chrono::seconds(1'700'000'000)));
  CHECK(entry.signed_entry_timestamp == "promise");
  CHECK_FALSE(entry.proof);
}

TEST_CASE("a certificate annotation that is none spoils its signature") {
  const std::string pem = pem_of_root();
  for (const auto& [name, text] :
       std::vector<std::pair<std::string, std::string>>{{"certificate", "x"},
                                                        {"certificate", pem + pem},
                                                        {"certificate", pem + "x"},
                                                        {"certificate", pem.substr(0, pem.size() / 2)},
                                                        {"chain", pem},
                                                        {"chain", "x"}}) {
    INFO(name << " " << text);
    const auto read = read_one(name, text);
    REQUIRE_FALSE(read);
    CHECK(read.error().reason == reason::kBundleMalformed);
  }
}

TEST_CASE("a log annotation is read strictly") {
  const std::pair<const char*, std::function<void(json&)>> cases[] = {
      {"no promise", [](json& b) { b.erase("SignedEntryTimestamp"); }},
      {"promise in lower case",
       [](json& b) {
         b["signedEntryTimestamp"] = b["SignedEntryTimestamp"];
         b.erase("SignedEntryTimestamp");
       }},
      {"no payload", [](json& b) { b.erase("Payload"); }},
      {"unknown member", [](json& b) { b["Payload"]["x"] = 1; }},
      {"no body", [](json& b) { b["Payload"].erase("body"); }},
      {"body that is no base64", [](json& b) { b["Payload"]["body"] = "{}"; }},
      {"body that is no JSON", [](json& b) { b["Payload"]["body"] = base64_encode("x"); }},
      {"body without kind",
       [](json& b) { b["Payload"]["body"] = base64_encode(R"({"apiVersion":"0.0.1"})"); }},
      {"body of a kind that is no text",
       [](json& b) { b["Payload"]["body"] = base64_encode(R"({"apiVersion":"0.0.1","kind":1})"); }},
      {"negative time", [](json& b) { b["Payload"]["integratedTime"] = -1; }},
      {"time out of range", [](json& b) { b["Payload"]["integratedTime"] = INT64_MAX; }},
      {"time that no clock can hold", [](json& b) { b["Payload"]["integratedTime"] = 9223372037; }},
      {"negative index", [](json& b) { b["Payload"]["logIndex"] = -1; }},
      {"index with a fraction", [](json& b) { b["Payload"]["logIndex"] = 0.5; }},
      {"log id of odd length", [](json& b) { b["Payload"]["logID"] = "c0f"; }},
      {"log id in capitals", [](json& b) { b["Payload"]["logID"] = "C0FF"; }},
      {"log id that is no hexadecimal", [](json& b) { b["Payload"]["logID"] = "zz"; }},
      {"empty log id", [](json& b) { b["Payload"]["logID"] = ""; }},
      {"a list", [](json& b) { b = json::array({b}); }},
  };
  for (const auto& [name, change] : cases) {
    INFO(name);
    json bundle = log_bundle();
    change(bundle);
    const auto read = read_one("bundle", bundle.dump());
    CHECK_FALSE(read);
    if (!read) CHECK(read.error().reason == reason::kBundleMalformed);
  }
  CHECK_FALSE(read_one("bundle", "x"));
  const std::string good = log_bundle().dump();
  CHECK_FALSE(read_one("bundle", good + good));
}

TEST_CASE("a timestamp annotation is read strictly") {
  for (const char* text :
       {"x", "{}", "[]", R"({"SignedRFC3161Timestamp":"x"})", R"({"SignedRFC3161Timestamp":""})",
        R"({"SignedRFC3161Timestamp":"dG9rZW4=","x":1})"}) {
    INFO(text);
    CHECK_FALSE(read_one("rfc3161timestamp", text));
  }
}
