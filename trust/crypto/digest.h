// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kintsugi::trust {

/// The name of content: "sha256:" and 64 lower-case hex digits, and nothing else. Other algorithms and upper
/// case are refused, so that equal content has one spelling and digests compare as bytes.
class Digest {
 public:
  /// Errors: kInvalidInput, or kUnsupported for another algorithm.
  static Result<Digest> parse(std::string_view text);
  /// The digest of these bytes.
  static Digest of(std::string_view bytes);

  /// "sha256:…"
  const std::string& text() const { return text_; }
  /// The hex digits alone.
  std::string_view hex() const { return std::string_view(text_).substr(7); }
  /// What they stand for, 32 raw bytes.
  std::string bytes() const;

  auto operator<=>(const Digest&) const = default;

 private:
  explicit Digest(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// The digest in a container status' `imageID`, in each form that runtimes report: "repo@sha256:…",
/// "docker-pullable://repo@sha256:…", "docker://sha256:…", "sha256:…". The repository's name is not looked
/// at. Empty for anything else: an imageID without a digest proves nothing.
std::optional<Digest> digest_of_image_id(std::string_view image_id);

}  // namespace kintsugi::trust
