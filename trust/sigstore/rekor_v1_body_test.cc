// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "trust/crypto/hash.h"
#include "trust/crypto/reasons.h"
#include "trust/sigstore/log_entry.h"
#include "trust/testing/log_entry_changes.h"
#include "trust/testing/test_log.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;

namespace {

/// A message signed by a key of the test's, in a log of the test's as Rekor v1 keeps it: promised, unproven.
struct Rekor1 {
  TestLog log;
  SigningKey signer;
  LoggedBundle bundle;

  explicit Rekor1(const std::string& kind, const std::string& version) {
    bundle.public_key = signer.der();
    bundle.signature = signer.sign("message");
    bundle.message_digest = sha256("message");
    bundle.payload = "payload";
    bundle.pre_authentication_encoding = "message";
    bundle.entry.kind = kind;
    bundle.entry.version = version;
    bundle.entry.log_id = log.log_key().id;
    bundle.entry.log_index = 7;
    bundle.entry.integrated_time = WallTime(std::chrono::seconds(1'800'000'000));
  }

  void log_as(const std::string& body) {
    bundle.entry.body = body;
    const std::string promised =
        R"({"body":")" + base64_encode(body) + R"(","integratedTime":)" +
        std::to_string(std::chrono::floor<std::chrono::seconds>(*bundle.entry.integrated_time)
                           .time_since_epoch()
                           .count()) +
        R"(,"logID":")" + hex_encode(bundle.entry.log_id) + R"(","logIndex":7})";
    bundle.entry.signed_entry_timestamp = log.key().sign(promised);
  }
  std::string with(const std::string& body) {
    log_as(body);
    return verify(bundle, {log.log_key()});
  }
  std::string signature() const { return base64_encode(bundle.signature); }
  std::string pem() const { return base64_encode(signer.pem()); }
};

}  // namespace

TEST_CASE("a body of Rekor v1 that the log did promise is refused when it is not strictly what it must be") {
  Rekor1 rekor("hashedrekord", "0.0.1");
  const std::string body =
      R"({"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":")" +
      hex_encode(sha256("message")) + R"("}},"signature":{"content":")" + rekor.signature() +
      R"(","publicKey":{"content":")" + rekor.pem() + R"("}}}})";
  REQUIRE(rekor.with(body) == "good");
  const std::string invalid = reason::kLogEntryInvalid;
  const std::string mismatch = reason::kLogEntryMismatch;
  const std::string pem = rekor.pem();
  const auto key = [&](const std::string& text) { return replaced(body, pem, base64_encode(text)); };
  struct Case {
    std::string name, body, reason;
  };
  for (const Case& c : std::vector<Case>{
           {"empty", "", invalid},
           {"array", "[" + body + "]", invalid},
           {"twice", body + body, invalid},
           {"truncated", body.substr(0, body.size() - 1), invalid},
           {"deeply nested", std::string(100, '[') + std::string(100, ']'), invalid},
           {"other kind", replaced(body, "hashedrekord", "rekord"), invalid},
           {"other version", replaced(body, "0.0.1", "0.0.2"), invalid},
           {"no kind", replaced(body, R"("kind":"hashedrekord",)", ""), invalid},
           {"no version", replaced(body, R"("apiVersion":"0.0.1",)", ""), invalid},
           {"repeated kind", replaced(body, R"("kind")", R"("kind":"rekord","kind")"), invalid},
           {"repeated value", replaced(body, R"("value")", R"("value":"00","value")"), invalid},
           {"capital spec", replaced(body, "spec", "Spec"), invalid},
           {"capital value", replaced(body, "value", "Value"), invalid},
           {"spec a list", replaced(body, R"("spec":{)", R"("spec":[],"x":{)"), invalid},
           {"no signature", replaced(body, R"("signature":)", R"("x":)"), invalid},
           {"algorithm of another kind", replaced(body, R"("sha256")", "1"), invalid},
           {"unknown algorithm", replaced(body, "sha256", "sha1"), invalid},
           {"algorithm in capitals", replaced(body, "sha256", "SHA256"), invalid},
           {"another algorithm", replaced(body, "sha256", "sha512"), mismatch},
           {"value in capitals", replaced(body, R"("value":")", R"("value":"A)"), mismatch},
           {"signature without padding", replaced(body, rekor.signature(), rekor.signature() + "="),
            mismatch},
           {"signature empty", replaced(body, rekor.signature(), ""), mismatch},
           {"key no base64", replaced(body, pem, pem + "!"), invalid},
           {"key empty", replaced(body, pem, ""), mismatch},
           {"key in DER", key(rekor.signer.der().substr(1)), mismatch},
           {"key twice", key(rekor.signer.pem() + rekor.signer.pem()), mismatch},
           {"text before the key", key("x\n" + rekor.signer.pem()), mismatch},
           {"another key", key(SigningKey().pem()), mismatch},
           {"a certificate",
            key(replaced(replaced(rekor.signer.pem(), "PUBLIC KEY", "CERTIFICATE"), "PUBLIC KEY",
                         "CERTIFICATE")),
            mismatch},
           {"over 1 MiB", body + std::string(1 << 20, ' '), invalid},
       }) {
    INFO(c.name);
    CHECK(rekor.with(c.body) == c.reason);
  }
}

TEST_CASE("a proof without a checkpoint needs a promise, and must be good all the same") {
  Rekor1 rekor("hashedrekord", "0.0.1");
  const std::string body =
      R"({"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":")" +
      hex_encode(sha256("message")) + R"("}},"signature":{"content":")" + rekor.signature() +
      R"(","publicKey":{"content":")" + rekor.pem() + R"("}}}})";
  rekor.log.append("other");
  rekor.bundle.entry.proof = rekor.log.append(body);
  REQUIRE(rekor.with(body) == "good");
  rekor.bundle.entry.proof->checkpoint.clear();
  check_changes(
      rekor.bundle, {rekor.log.log_key()},
      {
          {"root", [](auto& b) { b.entry.proof->root_hash = std::string(32, 'x'); },
           reason::kInclusionProofInvalid},
          {"path", [](auto& b) { b.entry.proof->hashes.clear(); }, reason::kInclusionProofInvalid},
          {"promise", [](auto& b) { b.entry.signed_entry_timestamp.clear(); }, reason::kCheckpointInvalid},
      });
}

TEST_CASE("hashedrekord 0.0.1 may be by SHA-384 and SHA-512, and over an envelope's encoding") {
  Rekor1 rekor("hashedrekord", "0.0.1");
  const auto [name, algorithm] = GENERATE(table<std::string, HashAlgorithm>({
      {"sha256", HashAlgorithm::kSha256},
      {"sha384", HashAlgorithm::kSha384},
      {"sha512", HashAlgorithm::kSha512},
  }));
  rekor.bundle.message_digest = hash_of(algorithm, "message");
  const std::string body =
      R"({"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":")" + name +
      R"(","value":")" + hex_encode(rekor.bundle.message_digest) + R"("}},"signature":{"content":")" +
      rekor.signature() + R"(","publicKey":{"content":")" + rekor.pem() + R"("}}}})";
  CHECK(rekor.with(body) == "good");
  rekor.bundle.content = LoggedSignature::Content::kEnvelope;
  CHECK(rekor.with(body) == "good");
  rekor.bundle.pre_authentication_encoding += "x";
  CHECK(rekor.with(body) == reason::kLogEntryMismatch);
}

TEST_CASE("envelopes in Rekor v1 have one signature, and their own encodings of it") {
  const bool is_intoto = GENERATE(true, false);
  Rekor1 rekor(is_intoto ? "intoto" : "dsse", is_intoto ? "0.0.2" : "0.0.1");
  rekor.bundle.content = LoggedSignature::Content::kEnvelope;
  const std::string hash =
      R"("payloadHash":{"algorithm":"sha256","value":")" + hex_encode(sha256("payload")) + R"("})";
  const std::string item =
      is_intoto
          ? R"({"publicKey":")" + rekor.pem() + R"(","sig":")" + base64_encode(rekor.signature()) + R"("})"
          : R"({"signature":")" + rekor.signature() + R"(","verifier":")" + rekor.pem() + R"("})";
  const std::string body =
      is_intoto
          ? R"({"apiVersion":"0.0.2","kind":"intoto","spec":{"content":{"envelope":{"signatures":[)" + item +
                "]}," + hash + "}}}"
          : R"({"apiVersion":"0.0.1","kind":"dsse","spec":{)" + hash + R"(,"signatures":[)" + item + "]}}";
  REQUIRE(rekor.with(body) == "good");
  const std::string invalid = reason::kLogEntryInvalid;
  const std::string mismatch = reason::kLogEntryMismatch;
  CHECK(rekor.with(replaced(body, item, "")) == invalid);
  CHECK(rekor.with(replaced(body, item, item + "," + item)) == invalid);
  CHECK(rekor.with(replaced(body, item, "null")) == invalid);
  CHECK(rekor.with(replaced(body, "signatures", "Signatures")) == invalid);
  CHECK(rekor.with(replaced(body, "payloadHash", "envelopeHash")) == invalid);
  CHECK(rekor.with(replaced(body, "sha256", "sha512")) == mismatch);
  CHECK(rekor.with(replaced(body, R"("value":")", R"("value":"0)")) == mismatch);
  CHECK(rekor.with(replaced(body, rekor.pem(), base64_encode(SigningKey().pem()))) == mismatch);
  CHECK(rekor.with(replaced(body, is_intoto ? base64_encode(rekor.signature()) : rekor.signature(),
                            is_intoto ? rekor.signature() : base64_encode(rekor.signature()))) == mismatch);
  rekor.bundle.content = LoggedSignature::Content::kMessage;
  CHECK(rekor.with(body) == mismatch);
}
