// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/merkle_tree.h"

#include <algorithm>
#include <bit>

#include "trust/crypto/hash.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kHashBytes = 32;
constexpr unsigned kIndexBits = 64;

std::string node_hash(std::string_view left, std::string_view right) {
  std::string bytes(1, '\x01');
  bytes.append(left).append(right);
  return sha256(bytes);
}

tl::unexpected<Error> refuse(std::string message) {
  return fail(make_error(ErrorCode::kRefused, std::move(message)).because(reason::kInclusionProofInvalid));
}

}  // namespace

std::string leaf_hash(std::string_view entry) {
  std::string bytes(1, '\0');
  bytes.append(entry);
  return sha256(bytes);
}

Result<std::string> root_of_inclusion(const std::string& leaf_hash, std::uint64_t index, std::uint64_t size,
                                      std::span<const std::string> path) {
  if (index >= size) return refuse("the log index is beyond the tree");
  // Up to the level where the paths of this leaf and of the last one meet, a sibling stands on either side;
  // above it the leaf's subtree is at the right edge, and there are siblings on the left only.
  const auto inner = unsigned(std::bit_width(index ^ (size - 1)));
  const auto border = inner < kIndexBits ? unsigned(std::popcount(index >> inner)) : 0;
  if (path.size() != inner + border) return refuse("an inclusion proof of another length than the tree has");
  const auto is_hash = [](const std::string& bytes) { return bytes.size() == kHashBytes; };
  if (!is_hash(leaf_hash) || !std::all_of(path.begin(), path.end(), is_hash))
    return refuse("an inclusion proof with what is no SHA-256 hash");

  std::string hash = leaf_hash;
  for (unsigned level = 0; level < path.size(); ++level) {
    const bool sibling_is_right = level < inner && (index >> level & 1) == 0;
    hash = sibling_is_right ? node_hash(hash, path[level]) : node_hash(path[level], hash);
  }
  return hash;
}

}  // namespace kintsugi::trust
