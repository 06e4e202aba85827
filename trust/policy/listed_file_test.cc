// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/listed_file.h"

#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "base/time.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/cosign.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;

namespace {

const WallTime kNow = parse_rfc3339("2026-11-22T12:00:00Z").value();
const FileLocation kPlace = FileLocation::parse("/golden/web.qcow2").value();
const Digest kImage = Digest::of("image");
const std::string kList = std::string(kImage.hex()) + "  web.qcow2\n";

TrustPolicy policy_by(const SigningKey& key, const Revocations& revoked = {}) {
  TrustPolicySpec spec;
  spec.name = "golden";
  spec.files.push_back(FileGlob::parse("file:///golden/**").value());
  spec.authorities.emplace_back().key.text = key.pem();
  spec.revoked = revoked;
  return resolve_references(std::move(spec), nullptr);
}

Result<ListedFile> judge(const TrustPolicy& policy, const SigningKey& signer, const std::string& list) {
  const std::vector<FileSignature> signatures = {DetachedSignature{base64_encode(signer.sign(list))}};
  return judge_listed_file({list, signatures}, kPlace, {&policy, 1}, kNow);
}

}  // namespace

TEST_CASE("a signed list stands for the file that it names") {
  const SigningKey key;
  const auto file = judge(policy_by(key), key, kList);
  REQUIRE(file);
  REQUIRE(file->verdict.accepted);
  CHECK(file->digest == kImage);
  CHECK(file->verdict.digest == kImage);
  CHECK(file->verdict.equivalents == std::set<Digest>{kImage});
  CHECK(file->verdict.proofs.front().key_id == public_key_of(key).id());
}

TEST_CASE("nothing in a list is read before its signature is good") {
  const SigningKey key, other;
  const auto file = judge(policy_by(key), other, "no list");
  REQUIRE(file);
  CHECK_FALSE(file->verdict.accepted);
  CHECK(file->verdict.reason == reason::kKeyMismatch);
  CHECK_FALSE(file->digest);
}

TEST_CASE("a good list that is none, or does not name the file once by SHA-256, is an error") {
  const SigningKey key;
  const std::pair<std::string, const char*> rows[] = {
      {"no list", reason::kChecksumsMalformed},
      {std::string(kImage.hex()) + "  db.qcow2\n", reason::kChecksumMissing},
      {kList + kList, reason::kChecksumAmbiguous},
      {std::string(128, 'a') + "  web.qcow2\n", reason::kChecksumUnsupported},
  };
  for (const auto& [list, expected] : rows) {
    const auto file = judge(policy_by(key), key, list);
    REQUIRE_FALSE(file);
    CHECK(file.error().reason == expected);
  }
}

TEST_CASE("a revoked list is refused, and a revoked file in a good one") {
  const SigningKey key;
  for (const Digest& digest : {Digest::of(kList), kImage}) {
    Revocations revoked;
    revoked.digests = {digest};
    const auto file = judge(policy_by(key, revoked), key, kList);
    REQUIRE(file);
    CHECK_FALSE(file->verdict.accepted);
    CHECK(file->verdict.reason == reason::kDigestRevoked);
    CHECK_FALSE(file->digest);
  }
}
