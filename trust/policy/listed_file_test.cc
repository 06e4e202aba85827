// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/listed_file.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/encoding.h"
#include "base/file.h"
#include "base/time.h"
#include "trust/crypto/reasons.h"
#include "trust/policy/blob_evaluation.h"
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

namespace {

const std::string kOpenPgpData = "trust/testdata/openpgp/";
const FileLocation kDisk = FileLocation::parse("/golden/disk.qcow2").value();

/// A policy with the OpenPGP key in that file, and maybe a second authority.
TrustPolicy policy_by_openpgp(const std::string& key, const Revocations& revoked = {},
                              const SigningKey* other = nullptr) {
  TrustPolicySpec spec;
  spec.name = "distribution";
  spec.files.push_back(FileGlob::parse("file:///golden/**").value());
  AuthoritySpec& authority = spec.authorities.emplace_back();
  authority.kind = AuthoritySpec::Kind::kOpenPgp;
  authority.key.source = TextReference::Source::kFile;
  authority.key.text = std::filesystem::absolute(kOpenPgpData + key);
  if (other != nullptr) spec.authorities.emplace_back().key.text = other->pem();
  spec.revoked = revoked;
  return resolve_references(std::move(spec), nullptr);
}

std::string judge_openpgp(const TrustPolicy& policy, const std::string& signature,
                          const std::string& more = {}, WallTime now = kNow) {
  const std::string list = read_file(kOpenPgpData + "SHA256SUMS", 4096).value() + more;
  const auto signatures = parse_file_signatures(
      read_file(kOpenPgpData + "SHA256SUMS." + signature, 1u << 16).value(), SignatureForm::kOpenPgp);
  if (!signatures) return signatures.error().reason;
  const auto file = judge_listed_file({list, *signatures}, kDisk, {&policy, 1}, now);
  return file ? file->verdict.reason : file.error().reason;
}

}  // namespace

TEST_CASE("a list that is signed by OpenPGP counts by the keys of a policy") {
  const TrustPolicy rsa = policy_by_openpgp("rsa.asc");
  REQUIRE_FALSE(rsa.defect);
  for (const char* name : {"rsa.gpg", "rsa.asc", "two.gpg"})
    CHECK(judge_openpgp(rsa, name) == reason::kVerified);
  CHECK(judge_openpgp(policy_by_openpgp("ed25519.asc"), "ed25519.gpg") == reason::kVerified);
  CHECK(judge_openpgp(rsa, "other.gpg") == reason::kKeyMismatch);
  CHECK(judge_openpgp(rsa, "rsa.gpg", std::string(64, 'a') + "  db.qcow2\n") == reason::kKeyMismatch);
  CHECK(judge_openpgp(rsa, "rsa-sha1.gpg") == reason::kSignatureInvalid);
  CHECK(judge_openpgp(rsa, "text.gpg") == reason::kSignatureInvalid);
  CHECK(judge_openpgp(rsa, "until-march.gpg") == reason::kSignatureExpired);
  CHECK(judge_openpgp(policy_by_openpgp("expired.asc"), "by-expired.gpg") == reason::kKeyExpired);
  CHECK(judge_openpgp(policy_by_openpgp("revoked.asc"), "by-revoked.gpg") == reason::kKeyRevoked);
  CHECK(judge_openpgp(policy_by_openpgp("weak.asc"), "weak.gpg") == reason::kUnsupportedKey);
  CHECK(judge_openpgp(policy_by_openpgp("none.asc"), "rsa.gpg") == reason::kPolicyInvalid);
}

TEST_CASE("a key of OpenPGP is revoked by its fingerprint, and says nothing about when it signed") {
  Revocations revoked;
  revoked.keys = {policy_by_openpgp("rsa.asc").authorities.front().openpgp->id()};
  CHECK(judge_openpgp(policy_by_openpgp("rsa.asc", revoked), "rsa.gpg") == reason::kKeyRevoked);
  CHECK(judge_openpgp(policy_by_openpgp("other.asc", revoked), "other.gpg") == reason::kVerified);
  Revocations late;
  late.signed_after = kNow;
  CHECK(judge_openpgp(policy_by_openpgp("rsa.asc", late), "rsa.gpg") == reason::kSignedAfterRevocation);
}

TEST_CASE("each kind of authority takes signatures of its own kind only") {
  const SigningKey key;
  CHECK(judge_openpgp(policy_by(key), "rsa.gpg") == reason::kKeyMismatch);
  const auto bare = judge(policy_by_openpgp("rsa.asc"), key, kList);
  REQUIRE(bare);
  CHECK(bare->verdict.reason == reason::kKeyMismatch);
  const std::vector<FileSignature> bundle = {parse_bundle(blob_bundle(key, kList)).value()};
  const TrustPolicy openpgp = policy_by_openpgp("rsa.asc");
  CHECK(judge_listed_file({kList, bundle}, kPlace, {&openpgp, 1}, kNow)->verdict.reason ==
        reason::kKeyMismatch);
  const TrustPolicy either = policy_by_openpgp("rsa.asc", {}, &key);
  CHECK(judge_openpgp(either, "rsa.gpg") == reason::kVerified);
  CHECK(judge(either, key, kList)->verdict.accepted);
}

TEST_CASE("a policy changes with all that its OpenPGP key says about itself") {
  CHECK(policy_by_openpgp("rsa.asc").hash != policy_by_openpgp("other.asc").hash);
  CHECK(policy_by_openpgp("rsa.asc").hash != policy_by_openpgp("rsa.gpg").hash);
  CHECK(policy_by_openpgp("rsa.asc").hash == policy_by_openpgp("rsa.asc").hash);
}

TEST_CASE("a content that is signed by OpenPGP itself is not accepted by its digest") {
  const TrustPolicy policy = policy_by_openpgp("rsa.asc");
  const auto signatures = parse_file_signatures(
      read_file(kOpenPgpData + "SHA256SUMS.rsa.gpg", 1u << 16).value(), SignatureForm::kOpenPgp);
  REQUIRE(signatures);
  const Artifact artifact{Digest::of(read_file(kOpenPgpData + "SHA256SUMS", 4096).value())};
  CHECK(judge_blob({kDisk, artifact, *signatures}, {&policy, 1}, kNow).reason == reason::kContentNeeded);
  CHECK(digest_in_question({&policy, 1}, kDisk, *signatures).error().reason == reason::kContentNeeded);
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
