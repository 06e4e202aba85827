// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace kintsugi::trust {

inline constexpr std::size_t kMaxImageConfigBytes = 1u << 20;

/// What an image says of its making. As true as its builder: whoever signs the image signs this, too.
struct ImageOrigin {
  /// Nothing where it does not say so, or gives the first days of 1980 or before, as reproducible builds do.
  std::optional<WallTime> created;
  std::string version;  ///< the label org.opencontainers.image.version; may be empty

  bool operator==(const ImageOrigin&) const = default;
};

/// Reads an image configuration (OCI image-spec 1.1, config.md); what is not used may be anything. Error:
/// kInvalidInput with ManifestMalformed, TooLarge.
Result<ImageOrigin> parse_image_config(std::string_view bytes);

}  // namespace kintsugi::trust
