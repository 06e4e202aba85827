// SPDX-License-Identifier: Apache-2.0
//
// Bundles that others made, with the verdict that each must get: trust/testdata/README.md says where they are
// from.
#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/conformance_table.h"

namespace kintsugi::trust {
namespace {

Result<BlobSigner> verify(const testing::ConformanceTable& table, const nlohmann::json& row) {
  const auto prepared = table.prepare(row);
  return prepared ? prepared->verify(table.bundle_of(row)) : fail(prepared.error());
}

}  // namespace

TEST_CASE("bundles by others get the verdict that they must get") {
  const testing::ConformanceTable table("trust/testdata/" +
                                        std::string(GENERATE("conformance", "blobs", "images/keyless")));
  REQUIRE(table.rows().size() > 5);
  for (const nlohmann::json& row : table.rows()) {
    INFO(row["name"] << ": " << row["why"]);
    const auto verified = verify(table, row);

    // Content is named by SHA-256 here, and by nothing else.
    const bool is_sha512 = row.value("digest", "").starts_with("sha512:");
    CHECK(verified.has_value() == (row["expect"] == "verified" && !is_sha512));
    if (!verified) CHECK_FALSE(verified.error().reason.empty());
  }
}

TEST_CASE("a time that nobody signed has to be possible") {
  const testing::ConformanceTable table("trust/testdata/conformance");
  const nlohmann::json& row = table.row("sct-multi-intermediate");
  nlohmann::json bundle = nlohmann::json::parse(table.bundle_of(row));
  bundle["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = "1";
  const auto verified = table.prepare(row).value().verify(bundle.dump());
  REQUIRE_FALSE(verified);
  CHECK(verified.error().reason == reason::kCertificateExpired);
}

TEST_CASE("what a keyed bundle has beside its signature has to hold as well") {
  const testing::ConformanceTable blobs("trust/testdata/blobs"), conformance("trust/testdata/conformance");
  const auto reason_of = [](const testing::ConformanceTable& table, const std::string& name,
                            const std::function<void(nlohmann::json & bundle)>& change) {
    const nlohmann::json& row = table.row(name);
    nlohmann::json bundle = nlohmann::json::parse(table.bundle_of(row));
    REQUIRE(table.prepare(row).value().verify(bundle.dump()));
    change(bundle);
    const auto verified = table.prepare(row).value().verify(bundle.dump());
    return verified ? std::string("Verified") : verified.error().reason;
  };
  const auto digest = [](nlohmann::json& bundle) -> nlohmann::json& {
    return bundle["messageSignature"]["messageDigest"];
  };
  using nlohmann::json;

  CHECK(reason_of(blobs, "p384", [&](json& b) {
          digest(b)["digest"] = base64_encode(std::string(48, 'x'));
        }) == reason::kDigestNotSigned);
  CHECK(reason_of(blobs, "p256", [&](json& b) {
          digest(b)["digest"] = base64_encode(std::string(32, 'x'));
        }) == reason::kDigestNotSigned);
  CHECK(reason_of(blobs, "p256", [&](json& b) { digest(b) = json::object(); }) == reason::kDigestNotSigned);
  CHECK(
      reason_of(conformance, "managed-key-happy-path", [](json& b) {
        json& stamp =
            b["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"];
        std::string der = base64_decode(stamp.get<std::string>()).value();
        der.back() = char(der.back() ^ 1);
        stamp = base64_encode(der);
      }) == reason::kTimestampInvalid);
}

}  // namespace kintsugi::trust
