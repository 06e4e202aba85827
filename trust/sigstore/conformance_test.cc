// SPDX-License-Identifier: Apache-2.0
//
// Bundles that others made, with the verdict that each must get: trust/testdata/README.md says where they are
// from.
#include <catch2/catch.hpp>

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

}  // namespace kintsugi::trust
