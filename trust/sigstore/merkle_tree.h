// SPDX-License-Identifier: Apache-2.0
//
// Merkle trees of transparency logs (RFC 6962 §2.1), with SHA-256. Hashes are 32 raw bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kintsugi::trust {

/// SHA-256(0x00 || entry)
std::string leaf_hash(std::string_view entry);

/// The root of a tree of `size` leaves in which the leaf of this hash stands at `index`, by its audit path
/// (RFC 9162 §2.1.3.2). Error: kRefused with InclusionProofInvalid where the index is not in the tree, the
/// path has not exactly as many hashes as it must, or one of them is none.
Result<std::string> root_of_inclusion(const std::string& leaf_hash, std::uint64_t index, std::uint64_t size,
                                      std::span<const std::string> path);

}  // namespace kintsugi::trust
