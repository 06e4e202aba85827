// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/checkpoint.h"

#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "trust/crypto/hash.h"
#include "trust/crypto/reasons.h"
#include "trust/sigstore/trusted_root.h"
#include "trust/testing/test_log.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using testing::read_logged_bundle;
using testing::read_sigstore_file;
using testing::signed_note;
using testing::TestLog;

namespace {

const std::string kRoot(32, 'r');

std::string why(const Result<void>& result) {
  return result ? "good" : result.error().reason;
}

std::string verify(const std::string& note, const LogKey& log) {
  const auto checkpoint = parse_checkpoint(note);
  return checkpoint ? why(verify_checkpoint(*checkpoint, log)) : "malformed";
}

LogKey log_at(const TestLog& log, const std::string& base_url) {
  LogKey key = log.log_key();
  key.base_url = base_url;
  return key;
}

/// As Rekor v1 signs it: by any kind of key, the hint is that of the key alone.
std::string v1_note(const TestLog& log, const std::string& origin, const std::string& name) {
  const std::string text = origin + "\n7\n" + base64_encode(kRoot) + "\n";
  return signed_note(text, name, sha256(log.key().der()).substr(0, 4), log.key().sign(text));
}

}  // namespace

TEST_CASE("a checkpoint is read field by field") {
  const auto checkpoint = parse_checkpoint(
      "rekor.test - 12\n18446744073709551615\n" + base64_encode(kRoot) + "\nTimestamp: 1\nmore\n\n\u2014 a " +
      base64_encode("hint1") + "\n\u2014 witness.example/w " + base64_encode("HINTsignature") + "\n");
  REQUIRE(checkpoint);
  CHECK(checkpoint->signed_text.ends_with("\nmore\n"));
  CHECK(checkpoint->origin == "rekor.test - 12");
  CHECK(checkpoint->tree_size == UINT64_MAX);
  CHECK(checkpoint->root_hash == kRoot);
  REQUIRE(checkpoint->signatures.size() == 2);
  CHECK(checkpoint->signatures[0].name == "a");
  CHECK(checkpoint->signatures[0].key_hint == "hint");
  CHECK(checkpoint->signatures[0].signature == "1");
  CHECK(checkpoint->signatures[1].name == "witness.example/w");
}

TEST_CASE("what is not strictly a checkpoint is refused") {
  const std::string root = base64_encode(kRoot);
  const std::string line = "\u2014 a " + base64_encode("hint1") + "\n";
  std::string many;
  for (int i = 0; i < 33; ++i) many += line;
  struct Case {
    std::string name, note;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"empty", ""},
      {"only newlines", "\n\n\n"},
      {"no empty line", "o\n1\n" + root + "\n" + line},
      {"two empty lines", "o\n1\n" + root + "\n\n\n" + line},
      {"an empty line among the signatures", "o\n1\n" + root + "\n\n" + line + "\n" + line},
      {"an empty line in the text", "o\n1\n" + root + "\n\nmore\n\n" + line},
      {"no signature", "o\n1\n" + root + "\n\n"},
      {"no newline at the end", "o\n1\n" + root + "\n\n" + line.substr(0, line.size() - 1)},
      {"no origin", "\n1\n" + root + "\n\n" + line},
      {"no size", "o\n" + root + "\n\n" + line},
      {"empty size", "o\n\n" + root + "\n\n" + line},
      {"no root", "o\n1\n\n" + line},
      {"leading zero", "o\n01\n" + root + "\n\n" + line},
      {"negative", "o\n-1\n" + root + "\n\n" + line},
      {"plus", "o\n+1\n" + root + "\n\n" + line},
      {"hexadecimal", "o\n0x1\n" + root + "\n\n" + line},
      {"space after the size", "o\n1 \n" + root + "\n\n" + line},
      {"over 64 bits", "o\n18446744073709551616\n" + root + "\n\n" + line},
      {"root of 31 bytes", "o\n1\n" + base64_encode(kRoot.substr(1)) + "\n\n" + line},
      {"root of 33 bytes", "o\n1\n" + base64_encode(kRoot + "r") + "\n\n" + line},
      {"root without padding", "o\n1\n" + root.substr(0, root.size() - 1) + "\n\n" + line},
      {"carriage returns", "o\r\n1\r\n" + root + "\r\n\n" + line},
      {"a tab", "o\t\n1\n" + root + "\n\n" + line},
      {"NUL", std::string("o\0\n1\n", 5) + root + "\n\n" + line},
      {"DEL", "o\x7f\n1\n" + root + "\n\n" + line},
      {"invalid UTF-8", "o\xff\n1\n" + root + "\n\n" + line},
      {"hyphen instead of dash", "o\n1\n" + root + "\n\n- a aGludDE=\n"},
      {"no name", "o\n1\n" + root + "\n\n\u2014  aGludDE=\n"},
      {"name with plus", "o\n1\n" + root + "\n\n\u2014 a+b aGludDE=\n"},
      {"no signature bytes", "o\n1\n" + root + "\n\n\u2014 a\n"},
      {"only the hint", "o\n1\n" + root + "\n\n\u2014 a " + base64_encode("hint") + "\n"},
      {"loose base64", "o\n1\n" + root + "\n\n\u2014 a aGludDF=\n"},
      {"space at the end", "o\n1\n" + root + "\n\n\u2014 a aGludDE= \n"},
      {"text among the signatures", "o\n1\n" + root + "\n\n" + line + "text\n"},
      {"33 signatures", "o\n1\n" + root + "\n\n" + many},
      {"over 64 KiB", "o\n1\n" + root + "\n" + std::string(64 << 10, 'x') + "\n\n" + line},
  }));
  INFO(c.name);
  const auto refused = parse_checkpoint(c.note);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kInvalidInput);
  CHECK(refused.error().reason == reason::kCheckpointInvalid);
  CHECK(parse_checkpoint("o\n0\n" + root + "\n\n" + line));
  CHECK(parse_checkpoint("o\n1\n" + root + "\n\n" + many.substr(line.size())));
}

TEST_CASE("the checkpoints of real logs are by their keys, and by no other") {
  const auto [bundle, root] = GENERATE(table<std::string, std::string>({
      {"hashedrekord-0.0.1.json", "root-public-good.json"},
      {"intoto-0.0.2.json", "root-public-good.json"},
      {"hashedrekord-0.0.1-private.json", "root-scaffolding.json"},
      {"hashedrekord-0.0.2.json", "root-staging.json"},
      {"hashedrekord-0.0.2-dsse.json", "root-staging.json"},
  }));
  INFO(bundle);
  const auto entry = read_logged_bundle(bundle).entry;
  const std::string note = entry.proof.value().checkpoint;
  const auto trusted = parse_trusted_root(read_sigstore_file(root)).value();
  int good = 0;
  for (const LogKey& log : trusted.logs) {
    const std::string result = verify(note, log);
    CHECK(result == (log.id == entry.log_id ? "good" : reason::kCheckpointInvalid));
    if (result != "good") continue;
    ++good;
    for (std::size_t i = 0; i < note.size(); ++i) {
      std::string flipped = note;
      flipped[i] = char(flipped[i] ^ 1);
      const bool of_a_witness = i > note.find('\n', note.find("\n\n") + 2);
      if (!of_a_witness) CHECK(verify(flipped, log) != "good");
    }
  }
  CHECK(good == 1);
}

TEST_CASE("each kind of key signs, named by the hint that the standard gives it") {
  const TestLog log(GENERATE("P-256", "P-384", "P-521", "ED25519", "RSA-2048"));
  const std::string text = log.checkpoint_text(7, kRoot);
  const std::string signature = log.key().sign(text);
  CHECK(verify(log.checkpoint(text), log.log_key()) == "good");
  CHECK(verify(log.checkpoint(text), TestLog().log_key()) == reason::kCheckpointInvalid);
  CHECK(verify(signed_note(text, log.name(), "hint", signature), log.log_key()) ==
        reason::kCheckpointInvalid);
  CHECK(verify(signed_note(text, "other.test", log.key_hint(), signature), log.log_key()) ==
        reason::kCheckpointInvalid);
  const std::string other = TestLog(log).key().sign(log.checkpoint_text(8, kRoot));
  CHECK(verify(signed_note(text, log.name(), log.key_hint(), other), log.log_key()) ==
        reason::kCheckpointInvalid);
}

TEST_CASE("lines by witnesses are passed over, wherever they stand") {
  const TestLog log("ED25519");
  const std::string text = log.checkpoint_text(7, kRoot);
  const std::string witness = "\u2014 witness.example " + base64_encode("hint" + std::string(72, 's')) + "\n";
  const std::string note = log.checkpoint(text);
  const std::string line = note.substr(text.size() + 1);
  CHECK(verify(text + "\n" + witness + line + witness, log.log_key()) == "good");
  CHECK(verify(text + "\n" + witness + witness, log.log_key()) == reason::kCheckpointInvalid);
  const std::string same_name = signed_note(text, log.name(), "hint", "other key");
  CHECK(verify(same_name + line, log.log_key()) == "good");
}

TEST_CASE("the origin of a log of Rekor v2 is its base URL without the scheme, or the host") {
  const TestLog log("ED25519", GENERATE("rekor.test", "rekor.test/2026", "rekor.test:8080"));
  const std::string note = log.checkpoint(log.checkpoint_text(7, kRoot));
  CHECK(verify(note, log_at(log, "https://" + log.name())) == "good");
  CHECK(verify(note, log_at(log, "https://" + log.name() + "/")) == "good");
  for (const char* url :
       {"https://other.test", "https://x.rekor.test", "https://rekor.test.x", "", "https://", "rekor"}) {
    CHECK(verify(note, log_at(log, url)) == reason::kCheckpointInvalid);
  }
  CHECK((verify(note, log_at(log, "https://rekor.test/more")) == "good") == (log.name() == "rekor.test"));
}

TEST_CASE("a log of Rekor v1 is named by the origin, whatever its URL, and by the key alone") {
  const TestLog log(GENERATE("P-256", "ED25519"));
  const LogKey key = log_at(log, "http://rekor.private:3000");
  CHECK(verify(v1_note(log, "pod-7 - 42", "pod-7"), key) == "good");
  CHECK(verify(v1_note(log, "a - b - 42", "a - b"), key) == "malformed");
  for (const auto& [origin, name] :
       std::vector<std::pair<std::string, std::string>>{{"pod-7 - 42", "pod-8"},
                                                        {"pod-7 - 42", "rekor.private"},
                                                        {"pod-7 - x", "pod-7"},
                                                        {"pod-7 - ", "pod-7"},
                                                        {"pod-7 -42", "pod-7"},
                                                        {"pod-7", "pod-7"},
                                                        {" - 42", "x"}}) {
    INFO(origin << " by " << name);
    CHECK(verify(v1_note(log, origin, name), key) == reason::kCheckpointInvalid);
  }
  CHECK(verify(v1_note(TestLog(), "pod-7 - 42", "pod-7"), key) == reason::kCheckpointInvalid);
}
