// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/bundle.h"

#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "trust/crypto/reasons.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using nlohmann::json;

namespace {

const std::string kHash(32, 'h');

/// Every member that a bundle v0.3 may have.
json full_bundle() {
  return json{{"mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json"},
              {"verificationMaterial",
               {{"certificate", {{"rawBytes", base64_encode("certificate")}}},
                {"tlogEntries",
                 {{{"logIndex", "12"},
                   {"logId", {{"keyId", base64_encode(kHash)}}},
                   {"kindVersion", {{"kind", "dsse"}, {"version", "0.0.1"}}},
                   {"integratedTime", "1700000000"},
                   {"inclusionPromise", {{"signedEntryTimestamp", base64_encode("promise")}}},
                   {"inclusionProof",
                    {{"logIndex", "7"},
                     {"rootHash", base64_encode(kHash)},
                     {"treeSize", "9"},
                     {"hashes", {base64_encode(kHash)}},
                     {"checkpoint", {{"envelope", "note"}}}}},
                   {"canonicalizedBody", base64_encode("body")}}}},
                {"timestampVerificationData",
                 {{"rfc3161Timestamps", {{{"signedTimestamp", base64_encode("timestamp")}}}}}}}},
              {"dsseEnvelope",
               {{"payload", base64_encode("payload")},
                {"payloadType", "type"},
                {"signatures", {{{"sig", base64_encode("signature")}, {"keyid", ""}}}}}}};
}

json& material(json& bundle) {
  return bundle["verificationMaterial"];
}
json& entry(json& bundle) {
  return material(bundle)["tlogEntries"][0];
}
json& proof(json& bundle) {
  return entry(bundle)["inclusionProof"];
}
json& envelope(json& bundle) {
  return bundle["dsseEnvelope"];
}

const char kOld[] = "application/vnd.dev.sigstore.bundle+json;version=0.1";

/// A message in place of the envelope.
void sign_message(json& bundle, const json& digest) {
  bundle.erase("dsseEnvelope");
  bundle["messageSignature"] = {{"signature", base64_encode("s")}, {"messageDigest", digest}};
}

}  // namespace

TEST_CASE("every member of a bundle is read") {
  const auto bundle = parse_bundle(full_bundle().dump());
  REQUIRE(bundle);
  CHECK(bundle->material.certificates == std::vector<std::string>{"certificate"});
  CHECK(bundle->material.timestamps == std::vector<std::string>{"timestamp"});
  REQUIRE(bundle->material.log_entries.size() == 1);
  const LogEntry& entry = bundle->material.log_entries.front();
  CHECK(entry.log_index == 12);
  CHECK(entry.log_id == kHash);
  CHECK(entry.kind == "dsse");
  CHECK(entry.version == "0.0.1");
  CHECK(entry.integrated_time == WallTime(std::chrono::seconds(1'700'000'000)));
  CHECK(entry.signed_entry_timestamp == "promise");
  CHECK(entry.body == "body");
  REQUIRE(entry.proof);
  CHECK(entry.proof->log_index == 7);
  CHECK(entry.proof->tree_size == 9);
  CHECK(entry.proof->root_hash == kHash);
  CHECK(entry.proof->hashes == std::vector{kHash});
  CHECK(entry.proof->checkpoint == "note");
  REQUIRE(bundle->envelope);
  CHECK_FALSE(bundle->message);
  CHECK(bundle->envelope->payload == "payload");
  CHECK(bundle->envelope->payload_type == "type");
  CHECK(bundle->signature() == "signature");
}

TEST_CASE("what writers may leave out or write otherwise is accepted") {
  const std::pair<const char*, std::function<void(json&)>> cases[] = {
      {"v0.3 in the old spelling",
       [](json& b) { b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.3"; }},
      {"a chain in v0.2",
       [](json& b) {
         b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2";
         material(b)["x509CertificateChain"] = {{"certificates", {material(b)["certificate"]}}};
         material(b).erase("certificate");
       }},
      {"v0.1 without proof",
       [](json& b) {
         b["mediaType"] = kOld;
         entry(b).erase("inclusionProof");
       }},
      {"no promise", [](json& b) { entry(b).erase("inclusionPromise"); }},
      {"no time", [](json& b) { entry(b).erase("integratedTime"); }},
      {"time 0, as of Rekor v2", [](json& b) { entry(b)["integratedTime"] = "0"; }},
      {"numbers as numbers", [](json& b) { entry(b)["logIndex"] = 12; }},
      {"index 0 left out",
       [](json& b) {
         entry(b).erase("logIndex");
         proof(b).erase("logIndex");
       }},
      {"a tree of one leaf", [](json& b) { proof(b).erase("hashes"); }},
      {"no log and no timestamp",
       [](json& b) {
         material(b).erase("tlogEntries");
         material(b).erase("timestampVerificationData");
       }},
      {"a bare key",
       [](json& b) {
         material(b).erase("certificate");
         material(b)["publicKey"] = {{"hint", "x"}};
       }},
      {"a message",
       [](json& b) { sign_message(b, {{"algorithm", "SHA2_256"}, {"digest", base64_encode(kHash)}}); }},
      {"a message that the signer did not hash", [](json& b) { sign_message(b, json::object()); }},
      {"a null for what is not there", [](json& b) { b["messageSignature"] = nullptr; }},
  };
  for (const auto& [name, change] : cases) {
    INFO(name);
    json bundle = full_bundle();
    change(bundle);
    const auto parsed = parse_bundle(bundle.dump());
    if (!parsed) FAIL_CHECK(parsed.error().to_string());
  }
}

TEST_CASE("a bundle is refused when it is not strictly what it must be") {
  const std::pair<const char*, std::function<void(json&)>> cases[] = {
      {"unknown member", [](json& b) { b["x"] = 1; }},
      {"unknown member of the material", [](json& b) { material(b)["x"] = 1; }},
      {"unknown member of an entry", [](json& b) { entry(b)["x"] = 1; }},
      {"snake case", [](json& b) { entry(b)["log_index"] = "12"; }},
      {"no material", [](json& b) { b.erase("verificationMaterial"); }},
      {"neither content", [](json& b) { b.erase("dsseEnvelope"); }},
      {"both contents", [](json& b) { b["messageSignature"] = {{"signature", base64_encode("s")}}; }},
      {"no signer", [](json& b) { material(b).erase("certificate"); }},
      {"two signers", [](json& b) { material(b)["publicKey"] = {{"hint", "x"}}; }},
      {"a chain in v0.3",
       [](json& b) {
         material(b)["x509CertificateChain"] = {{"certificates", {material(b)["certificate"]}}};
         material(b).erase("certificate");
       }},
      {"an empty chain",
       [](json& b) {
         b["mediaType"] = kOld;
         material(b)["x509CertificateChain"] = {{"certificates", json::array()}};
         material(b).erase("certificate");
       }},
      {"a certificate that is empty", [](json& b) { material(b)["certificate"]["rawBytes"] = ""; }},
      {"a certificate over 64 KiB",
       [](json& b) { material(b)["certificate"]["rawBytes"] = base64_encode(std::string(65537, 'c')); }},
      {"v0.1 without promise",
       [](json& b) {
         b["mediaType"] = kOld;
         entry(b).erase("inclusionPromise");
       }},
      {"v0.2 without proof",
       [](json& b) {
         b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2";
         entry(b).erase("inclusionProof");
       }},
      {"no proof", [](json& b) { entry(b).erase("inclusionProof"); }},
      {"no checkpoint", [](json& b) { proof(b).erase("checkpoint"); }},
      {"no body", [](json& b) { entry(b).erase("canonicalizedBody"); }},
      {"no log id", [](json& b) { entry(b).erase("logId"); }},
      {"no kind", [](json& b) { entry(b)["kindVersion"].erase("kind"); }},
      {"negative index", [](json& b) { entry(b)["logIndex"] = "-1"; }},
      {"index with a sign", [](json& b) { entry(b)["logIndex"] = "+1"; }},
      {"index with leading zero", [](json& b) { entry(b)["logIndex"] = "012"; }},
      {"index in hexadecimal", [](json& b) { entry(b)["logIndex"] = "0x1"; }},
      {"index as a float", [](json& b) { entry(b)["logIndex"] = 1.5; }},
      {"index beyond 64 bits", [](json& b) { entry(b)["logIndex"] = "9223372036854775808"; }},
      {"time out of range", [](json& b) { entry(b)["integratedTime"] = "9223372036854775807"; }},
      {"time that no clock can hold", [](json& b) { entry(b)["integratedTime"] = "9223372037"; }},
      {"root hash too long", [](json& b) { proof(b)["rootHash"] = base64_encode(kHash + "x"); }},
      {"a hash too short", [](json& b) { proof(b)["hashes"][0] = base64_encode("short"); }},
      {"a hash that is no text", [](json& b) { proof(b)["hashes"][0] = 1; }},
      {"65 hashes", [](json& b) { proof(b)["hashes"] = json(std::vector(65, base64_encode(kHash))); }},
      {"an entry twice", [](json& b) { material(b)["tlogEntries"].push_back(entry(b)); }},
      {"33 timestamps",
       [](json& b) {
         json& list = material(b)["timestampVerificationData"]["rfc3161Timestamps"];
         list = json(std::vector<json>(33, list[0]));
       }},
      {"base64 without padding", [](json& b) { envelope(b)["payload"] = "YQ"; }},
      {"base64 with trailing bits", [](json& b) { envelope(b)["payload"] = "YR=="; }},
      {"base64 for URLs", [](json& b) { envelope(b)["payload"] = "_-_-"; }},
      {"base64 with a line end", [](json& b) { envelope(b)["payload"] = "YWJj\n"; }},
      {"no signature", [](json& b) { envelope(b)["signatures"] = json::array(); }},
      {"two signatures", [](json& b) { envelope(b)["signatures"].push_back(envelope(b)["signatures"][0]); }},
      {"an empty signature", [](json& b) { envelope(b)["signatures"][0]["sig"] = ""; }},
      {"no payload type", [](json& b) { envelope(b).erase("payloadType"); }},
      {"wrong type of a list", [](json& b) { material(b)["tlogEntries"] = {{"a", 1}}; }},
      {"an empty checkpoint", [](json& b) { entry(b)["inclusionProof"]["checkpoint"]["envelope"] = ""; }},
      {"a hint that is no text",
       [](json& b) {
         material(b).erase("certificate");
         material(b)["publicKey"] = {{"hint", {{"a", 1}}}};
       }},
      {"no message digest", [](json& b) { sign_message(b, nullptr); }},
      {"a message digest of another size",
       [](json& b) { sign_message(b, {{"algorithm", "SHA2_256"}, {"digest", base64_encode("x")}}); }},
      {"a message digest of another algorithm's size",
       [](json& b) { sign_message(b, {{"algorithm", "SHA2_384"}, {"digest", base64_encode(kHash)}}); }},
      {"a message digest by an unknown algorithm",
       [](json& b) { sign_message(b, {{"algorithm", "SHA2_25"}, {"digest", base64_encode(kHash)}}); }},
      {"a message digest by an algorithm without a name",
       [](json& b) { sign_message(b, {{"algorithm", ""}, {"digest", base64_encode(kHash)}}); }},
      {"a message digest without its algorithm",
       [](json& b) { sign_message(b, {{"digest", base64_encode(kHash)}}); }},
      {"an algorithm without its message digest",
       [](json& b) { sign_message(b, {{"algorithm", "SHA2_256"}}); }},
  };
  for (const auto& [name, change] : cases) {
    INFO(name);
    json bundle = full_bundle();
    change(bundle);
    const auto parsed = parse_bundle(bundle.dump());
    CHECK_FALSE(parsed);
    if (!parsed) CHECK(parsed.error().reason == reason::kBundleMalformed);
  }
}

TEST_CASE("what is no JSON, or repeats a key, is no bundle") {
  const std::string good = full_bundle().dump();
  for (const std::string& text :
       {std::string(), std::string("null"), good.substr(0, good.size() - 1), good + good, "[" + good + "]",
        "{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\"," + good.substr(1)}) {
    CHECK_FALSE(parse_bundle(text));
  }
}

TEST_CASE("other versions are refused by name") {
  for (const char* type : {"application/vnd.dev.sigstore.bundle.v0.4+json",
                           "application/vnd.dev.sigstore.bundle+json;version=0.4",
                           "application/vnd.dev.sigstore.bundle.v0.2+json", "application/json", ""}) {
    INFO(type);
    json bundle = full_bundle();
    bundle["mediaType"] = type;
    CHECK_FALSE(is_bundle_type(type));
    const auto parsed = parse_bundle(bundle.dump());
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().reason == reason::kUnsupportedLayout);
  }
}
