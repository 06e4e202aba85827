// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/label_selector.h"
#include "model/image.h"
#include "model/target.h"

namespace kintsugi {

/// A pod may name longer images, which nobody can pull; the schema takes none.
inline constexpr std::size_t kMaxImageBytes = 4096;

/// What containment took from the victim; the copy of the annotation that travels in the patch.
struct ContainmentRecord {
  std::optional<WallTime> time;  ///< when the victim was isolated, as far as is known
  Labels labels;                 ///< removed
  std::string node;
  OwnerRef controller;  ///< the direct controlling owner then
  std::uint32_t reassertions = 0;
  std::vector<RunningImage> images;  ///< of its containers, those that only start it aside
};

}  // namespace kintsugi
