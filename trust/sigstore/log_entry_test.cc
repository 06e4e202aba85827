// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/log_entry.h"

#include <catch2/catch.hpp>

#include "trust/crypto/reasons.h"
#include "trust/sigstore/trusted_root.h"
#include "trust/testing/log_entry_changes.h"
#include "trust/testing/test_log.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;

namespace {

std::vector<LogKey> logs_of(const std::string& root) {
  return parse_trusted_root(read_sigstore_file(root)).value().logs;
}

struct Real {
  std::string bundle, root;
  bool is_v2, has_promise, has_proof;
};

const Real kReal[] = {
    {"hashedrekord-0.0.1.json", "root-public-good.json", false, true, true},
    {"hashedrekord-0.0.1-key.json", "root-public-good.json", false, true, true},
    {"hashedrekord-0.0.1-private.json", "root-scaffolding.json", false, true, true},
    {"hashedrekord-0.0.1-no-promise.json", "root-public-good.json", false, false, true},
    {"dsse-0.0.1.json", "root-public-good.json", false, true, true},
    {"intoto-0.0.2.json", "root-public-good.json", false, true, true},
    {"intoto-0.0.2-key.json", "root-public-good.json", false, true, false},
    {"hashedrekord-0.0.2.json", "root-staging.json", true, false, true},
    {"hashedrekord-0.0.2-dsse.json", "root-staging.json", true, false, true},
    {"dsse-0.0.2.json", "root-staging.json", true, false, true},
};

}  // namespace

TEST_CASE("the entries of real logs prove what their bundles say") {
  for (const Real& real : kReal) {
    INFO(real.bundle);
    const LoggedBundle bundle = read_logged_bundle(real.bundle);
    const auto proof = verify_log_entry(bundle.entry, bundle.logged(), logs_of(real.root));
    REQUIRE(proof);
    CHECK(proof->log_index == bundle.entry.log_index);
    CHECK(proof->integrated_time.has_value() == real.has_promise);
    CHECK(proof->log_valid_for.start);
    CHECK_FALSE(proof->log_url.empty());
    CHECK(verify(bundle, {}) == reason::kLogEntryUntrusted);
    CHECK(verify(bundle, logs_of("root-github.json")) == reason::kLogEntryUntrusted);
  }
}

TEST_CASE("no part of a real entry, nor of what it is about, can be exchanged") {
  for (const Real& real : kReal) {
    INFO(real.bundle);
    const LoggedBundle good = read_logged_bundle(real.bundle);
    // Where the body is made anew, another one shows as another leaf.
    const std::string binding =
        good.entry.body.empty() ? reason::kInclusionProofInvalid : reason::kLogEntryMismatch;
    const bool is_keyless_blob = real.bundle == "hashedrekord-0.0.1.json";
    std::vector<Change> changes = {
        {"signature", [](auto& b) { b.signature = flip(b.signature, 20); }, binding},
        {"no signature", [](auto& b) { b.signature.clear(); }, binding},
        {"log id", [](auto& b) { b.entry.log_id = flip(b.entry.log_id); }, reason::kLogEntryUntrusted},
        {"no log id", [](auto& b) { b.entry.log_id.clear(); }, reason::kLogEntryUntrusted},
        {"kind", [](auto& b) { b.entry.kind = "rekord"; }, reason::kLogEntryInvalid},
        {"version", [](auto& b) { b.entry.version = "0.0.3"; }, reason::kLogEntryInvalid},
        {"negative index", [](auto& b) { b.entry.log_index = -1; }, reason::kLogEntryInvalid},
        {"no signer", [](auto& b) { b.certificate = b.public_key = ""; }, reason::kLogEntryInvalid},
        {"two signers", [](auto& b) { b.certificate = b.public_key = "x"; }, reason::kLogEntryInvalid},
        {"nothing to prove it",
         [](auto& b) {
           b.entry.proof.reset();
           b.entry.signed_entry_timestamp.clear();
         },
         reason::kLogEntryInvalid},
        {"another certificate",
         [&](auto& b) {
           b.certificate = read_logged_bundle(is_keyless_blob ? "dsse-0.0.1.json" : "hashedrekord-0.0.1.json")
                               .certificate;
           b.public_key.clear();
         },
         binding},
        {"another key",
         [](auto& b) {
           b.public_key = SigningKey().der();
           b.certificate.clear();
         },
         binding},
    };
    if (!good.message_digest.empty()) {
      changes.push_back({"digest", [](auto& b) { b.message_digest = flip(b.message_digest); }, binding});
      changes.push_back({"digest of another size", [](auto& b) { b.message_digest += "x"; }, binding});
      changes.push_back({"no digest", [](auto& b) { b.message_digest.clear(); }, binding});
    } else {
      changes.push_back({"payload",
                         [](auto& b) {
                           b.payload = flip(b.payload);
                           b.pre_authentication_encoding = flip(b.pre_authentication_encoding, 50);
                         },
                         binding});
      changes.push_back({"message for envelope",
                         [](auto& b) { b.content = LoggedSignature::Content::kMessage; },
                         reason::kLogEntryMismatch});
    }
    if (real.has_promise) {
      changes.push_back(
          {"promise",
           [](auto& b) { b.entry.signed_entry_timestamp = flip(b.entry.signed_entry_timestamp, 20); },
           reason::kLogEntryInvalid});
      changes.push_back({"index", [](auto& b) { b.entry.log_index += 1; }, reason::kLogEntryInvalid});
      changes.push_back({"time", [](auto& b) { *b.entry.integrated_time += std::chrono::seconds(1); },
                         reason::kLogEntryInvalid});
      changes.push_back({"parts of a second",
                         [](auto& b) { *b.entry.integrated_time += std::chrono::nanoseconds(1); },
                         reason::kLogEntryInvalid});
      changes.push_back(
          {"no time", [](auto& b) { b.entry.integrated_time.reset(); }, reason::kLogEntryInvalid});
    }
    if (real.has_proof) {
      const std::vector<Change> proof_changes = {
          {"proof index", [](auto& b) { b.entry.proof->log_index ^= 1; }, reason::kInclusionProofInvalid},
          {"negative proof index", [](auto& b) { b.entry.proof->log_index = -1; },
           reason::kInclusionProofInvalid},
          {"negative tree", [](auto& b) { b.entry.proof->tree_size = -1; }, reason::kInclusionProofInvalid},
          {"no tree", [](auto& b) { b.entry.proof->tree_size = 0; }, reason::kInclusionProofInvalid},
          {"root", [](auto& b) { b.entry.proof->root_hash = flip(b.entry.proof->root_hash); },
           reason::kInclusionProofInvalid},
          {"no root", [](auto& b) { b.entry.proof->root_hash.clear(); }, reason::kInclusionProofInvalid},
          {"path", [](auto& b) { b.entry.proof->hashes.push_back(std::string(32, 'x')); },
           reason::kInclusionProofInvalid},
      };
      changes.insert(changes.end(), proof_changes.begin(), proof_changes.end());
      changes.push_back({"checkpoint",
                         [](auto& b) { b.entry.proof->checkpoint = flip(b.entry.proof->checkpoint); },
                         reason::kCheckpointInvalid});
      changes.push_back({"malformed checkpoint", [](auto& b) { b.entry.proof->checkpoint += "\n"; },
                         reason::kCheckpointInvalid});
      changes.push_back({"no checkpoint, no promise",
                         [](auto& b) {
                           b.entry.signed_entry_timestamp.clear();
                           b.entry.proof->checkpoint.clear();
                         },
                         reason::kCheckpointInvalid});
    }
    check_changes(good, logs_of(real.root), changes);
  }
}

TEST_CASE("a genuine entry about another signature proves nothing (CVE-2022-36056)") {
  const auto logs = logs_of("root-public-good.json");
  LoggedBundle bundle = read_logged_bundle("hashedrekord-0.0.1.json");
  bundle.entry = read_logged_bundle("hashedrekord-0.0.1-key.json").entry;
  CHECK(verify(bundle, logs) == reason::kLogEntryMismatch);
  LoggedBundle envelope = read_logged_bundle("dsse-0.0.1.json");
  envelope.entry = read_logged_bundle("intoto-0.0.2.json").entry;
  CHECK(verify(envelope, logs) == reason::kLogEntryMismatch);
}

TEST_CASE("a time is vouched for only while the log's key is valid, its ends included") {
  const LoggedBundle bundle = read_logged_bundle("hashedrekord-0.0.1.json");
  const WallTime time = bundle.entry.integrated_time.value();
  const auto second = std::chrono::seconds(1);
  const auto with = [&](std::optional<WallTime> start, std::optional<WallTime> end) {
    auto logs = logs_of("root-public-good.json");
    for (LogKey& log : logs) log.valid_for = {start, end};
    return verify(bundle, logs);
  };
  CHECK(with(time, time) == "good");
  CHECK(with(time + second, std::nullopt) == reason::kLogEntryInvalid);
  CHECK(with(std::nullopt, time - second) == reason::kLogEntryInvalid);
}

TEST_CASE("of several keys under one id, the one that signed is found") {
  const LoggedBundle bundle = read_logged_bundle("hashedrekord-0.0.1.json");
  auto logs = logs_of("root-public-good.json");
  LogKey other = TestLog().log_key();
  other.id = bundle.entry.log_id;
  logs.insert(logs.begin(), other);
  CHECK(verify(bundle, logs) == "good");
  CHECK(verify(bundle, {other}) == reason::kLogEntryInvalid);
}

TEST_CASE("the body of Rekor v2 is made anew where the bundle leaves it out") {
  for (const Real& real : kReal) {
    LoggedBundle bundle = read_logged_bundle(real.bundle);
    bundle.entry.body.clear();
    CHECK(verify(bundle, logs_of(real.root)) == (real.is_v2 ? "good" : reason::kLogEntryInvalid));
    if (!real.is_v2) continue;
    bundle.signature = flip(bundle.signature, 20);
    CHECK(verify(bundle, logs_of(real.root)) == reason::kInclusionProofInvalid);
  }
}
