// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/sigstore/bundle.h"

namespace kintsugi::trust {

/// Bundles in one file.
inline constexpr std::size_t kMaxBundles = 32;

/// Reads what a bundle's file has: one bundle, or several by several signers, each on a line of its own (JSON
/// Lines). At least one. Errors: those of parse_bundle(), which say the line where there are several;
/// kTooLarge with BundleMalformed.
Result<std::vector<Bundle>> parse_bundles(std::string_view text);

}  // namespace kintsugi::trust
