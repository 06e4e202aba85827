// SPDX-License-Identifier: Apache-2.0
#include "trust/testing/conformance_table.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/file.h"

namespace kintsugi::trust::testing {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFileBytes = 16u << 20;

std::string read(const std::string& path) {
  return read_file(path, kMaxFileBytes).value();
}

}  // namespace

Result<BlobSigner> ConformanceCase::verify(std::string_view bundle) const {
  const auto parsed = parse_bundle(bundle);
  if (!parsed) return fail(parsed.error());
  if (key) return verify_blob(*parsed, artifact, *key, roots);
  auto signer = verify_blob_certified(*parsed, artifact, {roots}, WallTime());
  if (!signer) return signer;
  const auto fits = check_identity(signer->certified->identity, identity);
  return fits ? std::move(signer) : fail(fits.error());
}

ConformanceTable::ConformanceTable(std::string directory)
    : directory_(std::move(directory)), rows_(json::parse(read(directory_ + "/cases.json"))) {}

std::string ConformanceTable::text_of(const json& row, const char* key) const {
  return read(directory_ + "/" + row.at(key).get<std::string>());
}

const json& ConformanceTable::row(const std::string& name) const {
  for (const json& row : rows_) {
    if (row.at("name") == name) return row;
  }
  throw std::out_of_range("no row " + name + " in " + directory_);
}

std::string ConformanceTable::bundle_of(const json& row) const {
  return text_of(row, "bundle");
}

Result<Artifact> ConformanceTable::artifact_of(const json& row) const {
  if (row.contains("digest")) {
    auto digest = Digest::parse(row["digest"].get<std::string>());
    if (!digest) return fail(std::move(digest).error().because("UnsupportedDigest"));
    return Artifact{std::move(*digest)};
  }
  const std::string bytes = text_of(row, "artifact");
  return Artifact{Digest::of(bytes), bytes};
}

Result<ConformanceCase> ConformanceTable::prepare(const json& row) const {
  auto artifact = artifact_of(row);
  if (!artifact) return fail(std::move(artifact).error());
  ConformanceCase prepared{std::move(*artifact), {}, {}, {}};
  if (row.contains("trusted_root")) {
    auto root = parse_trusted_root(text_of(row, "trusted_root"));
    if (!root) return fail(std::move(root).error());
    prepared.roots.push_back(std::move(*root));
  }
  if (row.contains("key")) {
    auto key = PublicKey::parse(text_of(row, "key"));
    if (!key) return fail(std::move(key).error());
    prepared.key = std::move(*key);
  } else {
    prepared.identity = {TextRule::exactly(row.at("issuer")), TextRule::exactly(row.at("identity")), {}};
  }
  return prepared;
}

}  // namespace kintsugi::trust::testing
