// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/strict_reader.h"
#include "trust/oci/image_config.h"

namespace kintsugi::trust {

/// How new an image has to be, and how old: a good signature says nothing about that, and the images of
/// yesterday keep theirs.
struct FreshnessRule {
  std::optional<std::chrono::milliseconds> minimum_age, maximum_age;  ///< since it was made
  std::string minimum_version;                                        ///< semantic; empty: any
  bool not_older_than_running = false;  ///< in version where both say one, else in time
};

/// Compares by Semantic Versioning 2.0.0 §11; a leading "v" is passed over, and so are builds ("+…").
/// Nothing where one of them is no such version.
std::optional<std::strong_ordering> compare_versions(std::string_view one, std::string_view other);

/// Whether an image is as the rule wants it. `running` is what it takes the place of: null where there is
/// none, an error where it is not known. Pure. Errors: kRefused with ImageTooNew, ImageTooOld, VersionTooLow,
/// OlderThanRunning, or AgeUnknown where that cannot be told.
Result<void> check_freshness(const FreshnessRule& rule, const ImageOrigin& image,
                             const Result<ImageOrigin>* running, WallTime now);

/// Reads `spec.freshness`; what is wrong is added to `problems`.
FreshnessRule read_freshness_rule(const Node& node, const std::string& path, ProblemList& problems);

/// Changes with whatever a verdict depends on.
std::string fingerprint(const FreshnessRule& rule);

}  // namespace kintsugi::trust
