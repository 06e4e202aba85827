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

/// A message signed by a key of the test's, logged in a log of the test's, as Rekor v2 does it.
struct Rekor2 {
  TestLog log{"ED25519"};
  SigningKey signer;
  LoggedBundle bundle;

  explicit Rekor2(const std::string& kind = "P-256", const char* hash = "SHA256") : signer(kind) {
    bundle.public_key = signer.der();
    bundle.signature = signer.sign("message", hash);
    bundle.message_digest = sha256("message");
    bundle.entry.kind = "hashedrekord";
    bundle.entry.version = "0.0.2";
    bundle.entry.log_id = log.log_key().id;
  }

  std::string verifier(const std::string& details = "PKIX_ECDSA_P256_SHA_256") const {
    return R"({"content":")" + base64_encode(bundle.signature) + R"(","verifier":{"keyDetails":")" + details +
           R"(","publicKey":{"rawBytes":")" + base64_encode(bundle.public_key) + R"("}}})";
  }
  std::string hashedrekord(const std::string& algorithm, const std::string& digest,
                           const std::string& details) const {
    return R"({"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":")" +
           algorithm + R"(","digest":")" + base64_encode(digest) + R"("},"signature":)" + verifier(details) +
           "}}}";
  }
  void append(const std::string& body) {
    for (const char* other : {"a", "b", "c"}) log.append(other);
    bundle.entry.proof = log.append(body);
    bundle.entry.log_index = bundle.entry.proof->log_index;
    bundle.entry.body = body;
  }
  std::vector<LogKey> logs() const { return {log.log_key()}; }
};

}  // namespace

TEST_CASE("Rekor v2 takes each kind of key with its own hash") {
  struct Case {
    std::string kind;
    const char* hash;
    std::string details, algorithm;
  };
  const auto c = GENERATE(values<Case>({
      {"P-256", "SHA256", "PKIX_ECDSA_P256_SHA_256", "SHA2_256"},
      {"P-384", "SHA384", "PKIX_ECDSA_P384_SHA_384", "SHA2_384"},
      {"P-521", "SHA512", "PKIX_ECDSA_P521_SHA_512", "SHA2_512"},
      {"RSA-2048", "SHA256", "PKIX_RSA_PKCS1V15_2048_SHA256", "SHA2_256"},
      {"RSA-3072", "SHA256", "PKIX_RSA_PKCS1V15_3072_SHA256", "SHA2_256"},
  }));
  INFO(c.kind);
  Rekor2 rekor(c.kind, c.hash);
  const auto algorithm = c.algorithm == "SHA2_256"   ? HashAlgorithm::kSha256
                         : c.algorithm == "SHA2_384" ? HashAlgorithm::kSha384
                                                     : HashAlgorithm::kSha512;
  rekor.bundle.message_digest = hash_of(algorithm, "message");
  rekor.append(rekor.hashedrekord(c.algorithm, rekor.bundle.message_digest, c.details));
  CHECK(verify(rekor.bundle, rekor.logs()) == "good");
  rekor.bundle.message_digest = hash_of(
      algorithm == HashAlgorithm::kSha256 ? HashAlgorithm::kSha384 : HashAlgorithm::kSha256, "message");
  CHECK(verify(rekor.bundle, rekor.logs()) == reason::kLogEntryMismatch);
}

TEST_CASE("Rekor v2 has no entries by other keys") {
  const std::string kind = GENERATE("ED25519", "RSA-2056");
  Rekor2 rekor(kind);
  rekor.append("{}");
  CHECK(verify(rekor.bundle, rekor.logs()) == reason::kLogEntryInvalid);
}

TEST_CASE("an entry of Rekor v2 is compared byte by byte") {
  Rekor2 rekor;
  const std::string body =
      rekor.hashedrekord("SHA2_256", rekor.bundle.message_digest, "PKIX_ECDSA_P256_SHA_256");
  const std::string changed =
      GENERATE_COPY(body + "\n", " " + body, replaced(body, "0.0.2", "0.0.1"),
                    replaced(body, "P256_SHA_256", "P384_SHA_384"), replaced(body, "SHA2_256", "SHA2_512"),
                    replaced(body, "}}}}}", "}}},\"x\":1}}"), std::string("{}"));
  rekor.append(changed);
  CHECK(verify(rekor.bundle, rekor.logs()) == reason::kLogEntryMismatch);
  rekor.bundle.entry.body.clear();
  CHECK(verify(rekor.bundle, rekor.logs()) == reason::kInclusionProofInvalid);
}

TEST_CASE("Rekor v2 neither makes promises nor has two indices") {
  Rekor2 rekor;
  rekor.append(rekor.hashedrekord("SHA2_256", rekor.bundle.message_digest, "PKIX_ECDSA_P256_SHA_256"));
  check_changes(
      rekor.bundle, rekor.logs(),
      {
          {"promise", [](auto& b) { b.entry.signed_entry_timestamp = "x"; }, reason::kLogEntryInvalid},
          {"no proof", [](auto& b) { b.entry.proof.reset(); }, reason::kLogEntryInvalid},
          {"other index", [](auto& b) { b.entry.log_index += 1; }, reason::kInclusionProofInvalid},
          {"no checkpoint", [](auto& b) { b.entry.proof->checkpoint.clear(); }, reason::kCheckpointInvalid},
      });
  LoggedBundle timed = rekor.bundle;
  timed.entry.integrated_time = WallTime(std::chrono::seconds(1'800'000'000));
  const auto proof = verify_log_entry(timed.entry, timed.logged(), rekor.logs());
  REQUIRE(proof);
  CHECK_FALSE(proof->integrated_time);
}

TEST_CASE("an envelope in Rekor v2 is bound by payload hash and signature, or by its encoding") {
  Rekor2 rekor;
  rekor.bundle.content = LoggedSignature::Content::kEnvelope;
  rekor.bundle.payload = "payload";
  rekor.bundle.pre_authentication_encoding = "message";
  const bool as_dsse = GENERATE(true, false);
  if (as_dsse) rekor.bundle.entry.kind = "dsse";
  rekor.append(as_dsse
                   ? R"({"apiVersion":"0.0.2","kind":"dsse","spec":{"dsseV002":{"payloadHash":{"algorithm":)"
                     R"("SHA2_256","digest":")" +
                         base64_encode(sha256("payload")) + R"("},"signatures":[)" + rekor.verifier() + "]}}}"
                   : rekor.hashedrekord("SHA2_256", sha256("message"), "PKIX_ECDSA_P256_SHA_256"));
  const std::string changed = reason::kLogEntryMismatch;
  check_changes(
      rekor.bundle, rekor.logs(),
      {
          {"payload", [](auto& b) { b.payload += "x"; }, as_dsse ? changed : "good"},
          {"encoding", [](auto& b) { b.pre_authentication_encoding += "x"; }, as_dsse ? "good" : changed},
          {"signature", [](auto& b) { b.signature = flip(b.signature); }, changed},
          {"signer", [](auto& b) { b.public_key = SigningKey().der(); }, changed},
          {"message", [](auto& b) { b.content = LoggedSignature::Content::kMessage; },
           as_dsse ? changed : "good"},
      });
}

TEST_CASE("a checkpoint of another tree than the proof's is refused") {
  Rekor2 rekor;
  rekor.append(rekor.hashedrekord("SHA2_256", rekor.bundle.message_digest, "PKIX_ECDSA_P256_SHA_256"));
  const std::string earlier = rekor.bundle.entry.proof->checkpoint;
  REQUIRE(verify(rekor.bundle, rekor.logs()) == "good");
  InclusionProof& proof = *rekor.bundle.entry.proof;
  proof.checkpoint = rekor.log.append("later").checkpoint;
  CHECK(verify(rekor.bundle, rekor.logs()) == reason::kCheckpointInvalid);
  proof.checkpoint = rekor.log.checkpoint(rekor.log.checkpoint_text(9, proof.root_hash));
  CHECK(verify(rekor.bundle, rekor.logs()) == reason::kCheckpointInvalid);
  proof.checkpoint = rekor.log.checkpoint(rekor.log.checkpoint_text(4, std::string(32, 'x')));
  CHECK(verify(rekor.bundle, rekor.logs()) == reason::kCheckpointInvalid);
  proof.checkpoint = earlier;
  CHECK(verify(rekor.bundle, rekor.logs()) == "good");
}
