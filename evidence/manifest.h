// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace kintsugi::evidence {

/// One preserved file.
struct File {
  std::string path;    ///< relative to the manifest
  std::string sha256;  ///< 64 hex digits
  std::uint64_t bytes = 0;
  std::string collector;
  WallTime collected;
  bool truncated =
      false;  ///< there was more: of a log the newest part is here, of other output the beginning
  bool operator==(const File&) const = default;
};

/// A collector that came back with nothing or without what matters most, and why.
struct Failure {
  std::string collector;
  std::string message;
  bool operator==(const Failure&) const = default;
};

/// What was preserved of one incident: written last, so that a manifest vouches for files that are there.
struct Manifest {
  std::string incident;
  std::string target;
  WallTime created;
  std::vector<File> files;
  std::vector<Failure> failures;
};

/// `{"incident", "target", "createdTime", "files": [{path, sha256, bytes, collector, collectedTime,
/// truncated}], "failures": […]}`; `truncated` is there where it is true.
std::string to_text(const Manifest& manifest);
/// Strict about types, at most 1 MiB; members it does not know are passed over.
Result<Manifest> parse_manifest(std::string_view text);

}  // namespace kintsugi::evidence
