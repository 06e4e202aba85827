// SPDX-License-Identifier: Apache-2.0
//
// Bundles that others made, with the verdict that each must get: trust/testdata/README.md says where they are
// from.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "trust/sigstore/blob_signature.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using nlohmann::json;

namespace {

std::string data(const std::string& path) {
  return read_file("trust/testdata/" + path, 16u << 20).value();
}

/// Cases of one directory; paths in them are relative to it.
class Table {
 public:
  explicit Table(std::string directory)
      : directory_(std::move(directory) + "/"), cases_(json::parse(data(directory_ + "cases.json"))) {}

  const json& cases() const { return cases_; }

  /// Whether the case is verified, or why not.
  Result<BlobSigner> verify(const json& one) const {
    const auto artifact = artifact_of(one);
    if (!artifact) return fail(artifact.error());
    const auto bundle = parse_bundle(data(directory_ + one["bundle"].get<std::string>()));
    if (!bundle) return fail(bundle.error());
    std::vector<TrustedRoot> roots;
    if (one.contains("trusted_root")) {
      auto root = parse_trusted_root(data(directory_ + one["trusted_root"].get<std::string>()));
      if (!root) return fail(root.error());
      roots.push_back(std::move(*root));
    }
    if (one.contains("key")) {
      const auto key = PublicKey::parse(data(directory_ + one["key"].get<std::string>()));
      if (!key) return fail(key.error());
      return verify_blob(*bundle, *artifact, *key, roots);
    }
    auto signer = verify_blob_certified(*bundle, *artifact, {roots}, WallTime());
    if (!signer) return signer;
    const IdentityRule rule{TextRule::exactly(one["issuer"]), TextRule::exactly(one["identity"]), {}};
    const auto fits = check_identity(signer->certified->identity, rule);
    return fits ? signer : fail(fits.error());
  }

 private:
  Result<Artifact> artifact_of(const json& one) const {
    if (one.contains("digest")) {
      auto digest = Digest::parse(one["digest"].get<std::string>());
      if (!digest) return fail(std::move(digest).error().because("UnsupportedDigest"));
      return Artifact{std::move(*digest)};
    }
    const std::string bytes = data(directory_ + one["artifact"].get<std::string>());
    return Artifact{Digest::of(bytes), bytes};
  }

  const std::string directory_;
  const json cases_;
};

}  // namespace

TEST_CASE("bundles by others get the verdict that they must get") {
  const Table table(GENERATE("conformance", "blobs", "images/keyless"));
  REQUIRE(table.cases().size() > 5);
  for (const json& one : table.cases()) {
    INFO(one["name"] << ": " << one["why"]);
    const auto verified = table.verify(one);

    // Content is named by SHA-256 here, and by nothing else.
    const bool is_sha512 = one.value("digest", "").starts_with("sha512:");
    CHECK(verified.has_value() == (one["expect"] == "verified" && !is_sha512));
    if (!verified) CHECK_FALSE(verified.error().reason.empty());
  }
}
