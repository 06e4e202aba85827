// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/merkle_tree.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <span>
#include <vector>

#include "base/encoding.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/test_log.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using testing::reference_path;
using testing::reference_root;

namespace {

/// The leaves of certificate-transparency's own tests.
const std::vector<std::string> kLeaves = {
    "",
    std::string(1, '\0'),
    "\x10",
    "\x20\x21",
    "\x30\x31",
    "\x40\x41\x42\x43",
    "\x50\x51\x52\x53\x54\x55\x56\x57",
    "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
};
/// And the roots of the trees of the first 1 to 8 of them.
const std::vector<std::string> kRoots = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

std::vector<std::string> numbered_leaves(std::size_t count) {
  std::vector<std::string> hashes;
  for (std::size_t i = 0; i < count; ++i) hashes.push_back(leaf_hash("leaf " + std::to_string(i)));
  return hashes;
}

bool leads_to(const std::string& root, const std::string& leaf, std::uint64_t index, std::uint64_t size,
              const std::vector<std::string>& path) {
  const auto found = root_of_inclusion(leaf, index, size, path);
  if (!found && found.error().reason != reason::kInclusionProofInvalid) FAIL("refused for another reason");
  return found && *found == root;
}

}  // namespace

TEST_CASE("the trees of certificate-transparency have its roots") {
  std::vector<std::string> hashes;
  for (std::size_t size = 1; size <= kLeaves.size(); ++size) {
    hashes.push_back(leaf_hash(kLeaves[size - 1]));
    for (std::size_t index = 0; index < size; ++index) {
      const auto root = root_of_inclusion(hashes[index], index, size, reference_path(index, hashes));
      REQUIRE(root);
      CHECK(hex_encode(*root) == kRoots[size - 1]);
    }
  }
}

TEST_CASE("every leaf of every tree of up to 64 is found at its index, and nowhere else") {
  for (std::size_t size = 1; size <= 64; ++size) {
    const auto hashes = numbered_leaves(size);
    const std::string root = reference_root(hashes);
    for (std::size_t index = 0; index < size; ++index) {
      const auto path = reference_path(index, hashes);
      REQUIRE(leads_to(root, hashes[index], index, size, path));
      int elsewhere = 0;
      for (std::size_t other = 0; other < 2 * size; ++other) {
        elsewhere += other != index && leads_to(root, hashes[index], other, size, path);
      }
      CHECK(elsewhere == 0);
      CHECK_FALSE(leads_to(root, leaf_hash("another"), index, size, path));
    }
  }
}

TEST_CASE("an audit path with a hash altered, missing, surplus or exchanged proves nothing") {
  for (std::size_t size = 1; size <= 64; ++size) {
    const auto hashes = numbered_leaves(size);
    const std::string root = reference_root(hashes);
    for (std::size_t index = 0; index < size; ++index) {
      const auto path = reference_path(index, hashes);
      for (std::size_t at = 0; at < path.size(); ++at) {
        auto altered = path;
        altered[at][at] = char(altered[at][at] ^ 1);
        CHECK_FALSE(leads_to(root, hashes[index], index, size, altered));
        auto missing = path;
        missing.erase(missing.begin() + std::ptrdiff_t(at));
        CHECK_FALSE(leads_to(root, hashes[index], index, size, missing));
        if (at == 0) continue;
        auto exchanged = path;
        std::swap(exchanged[at - 1], exchanged[at]);
        CHECK_FALSE(leads_to(root, hashes[index], index, size, exchanged));
      }
      for (std::size_t at = 0; at <= path.size(); ++at) {
        auto surplus = path;
        surplus.insert(surplus.begin() + std::ptrdiff_t(at), leaf_hash("surplus"));
        CHECK_FALSE(leads_to(root, hashes[index], index, size, surplus));
      }
    }
  }
}

TEST_CASE("a path of another length than a tree of that size has is refused") {
  const auto leaves = numbered_leaves(66);
  const std::span<const std::string> all(leaves);
  for (std::size_t size = 1; size <= 64; size += 3) {
    const auto hashes = all.first(size);
    for (std::size_t index = 0; index < size; ++index) {
      const auto path = reference_path(index, hashes);
      for (std::size_t other = 1; other <= 66; ++other) {
        const bool fits = index < other && reference_path(index, all.first(other)).size() == path.size();
        CHECK(root_of_inclusion(hashes[index], index, other, path).has_value() == fits);
      }
    }
  }
}

TEST_CASE("what is no SHA-256 hash is refused, in the leaf and in the path") {
  const auto hashes = numbered_leaves(5);
  const auto path = reference_path(2, hashes);
  const std::string wrong = GENERATE(std::string(), std::string(31, 'h'), std::string(33, 'h'));
  CHECK_FALSE(root_of_inclusion(wrong, 2, 5, path));
  for (std::size_t at = 0; at < path.size(); ++at) {
    auto altered = path;
    altered[at] = wrong;
    const auto refused = root_of_inclusion(hashes[2], 2, 5, altered);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::kRefused);
    CHECK(refused.error().reason == reason::kInclusionProofInvalid);
  }
}

TEST_CASE("indices and sizes at the ends of 64 bits are computed with, not wrapped") {
  const std::string leaf = leaf_hash("x");
  const std::vector<std::string> none;
  const std::vector<std::string> all(64, leaf);
  CHECK_FALSE(root_of_inclusion(leaf, 0, 0, none));
  CHECK_FALSE(root_of_inclusion(leaf, UINT64_MAX, 0, none));
  CHECK_FALSE(root_of_inclusion(leaf, UINT64_MAX, UINT64_MAX, all));
  CHECK_FALSE(root_of_inclusion(leaf, UINT64_MAX, 1, none));
  CHECK(root_of_inclusion(leaf, 0, UINT64_MAX, all));
  CHECK(root_of_inclusion(leaf, std::uint64_t(1) << 63, (std::uint64_t(1) << 63) + 1,
                          std::vector<std::string>(1, leaf)));
  CHECK_FALSE(root_of_inclusion(leaf, 0, UINT64_MAX, std::vector<std::string>(65, leaf)));
  CHECK_FALSE(root_of_inclusion(leaf, 0, UINT64_MAX, std::vector<std::string>(63, leaf)));
  CHECK_FALSE(root_of_inclusion(leaf, 0, 1, std::vector<std::string>(100'000, leaf)));
}

TEST_CASE("a leaf cannot pass for a node, nor a node for a leaf") {
  const auto hashes = numbered_leaves(2);
  const std::string root = reference_root(hashes);
  CHECK(leaf_hash(hashes[0] + hashes[1]) != root);
  CHECK(leaf_hash("\x01" + hashes[0] + hashes[1]) != root);
  CHECK_FALSE(leads_to(root, leaf_hash(hashes[0] + hashes[1]), 0, 1, {}));
}
