// SPDX-License-Identifier: Apache-2.0
//
// From the bytes of a watch to its events (K2.2): lines first, then one JSON envelope per line. The object
// inside is handed on as text and never kept, so that a cache holds slim structs only.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "k8s-client/core/api_error.h"
#include "k8s-client/core/raw_json.h"

namespace kintsugi::k8s {

/// Cuts a byte stream at '\n', however its pieces arrive; each byte is looked at once. Not thread-safe.
///
///   framer.append(bytes);
///   for (;;) { auto line = framer.next(); if (!line || !*line) break; use(**line); }
class LineFramer {
 public:
  /// etcd takes objects of 1.5 MiB; JSON escapes may make that a few times longer.
  static constexpr std::size_t kDefaultMaxLine = 16u << 20;

  explicit LineFramer(std::size_t max_line_bytes = kDefaultMaxLine) : max_line_bytes_(max_line_bytes) {}

  /// Invalidates the lines that were handed out.
  void append(std::string_view bytes);
  /// The next complete line without its newline; nothing when more bytes are needed. Empty lines are left
  /// out. kTooLarge when a line is longer than the limit, complete or not; the stream is of no use after
  /// that.
  Result<std::optional<RawJson>> next();
  /// Bytes after the last newline: when a stream has ended, a last line without its newline, or a part of
  /// one.
  RawJson rest();

 private:
  std::size_t max_line_bytes_;
  std::string buffer_;
  std::size_t start_ = 0;    ///< what stands before it was handed out
  std::size_t scanned_ = 0;  ///< no newline in [start_, scanned_)
};

enum class WatchEventType { kAdded, kModified, kDeleted, kBookmark, kError, kUnknown };

/// One line of a watch, decoded.
struct WatchEvent {
  WatchEventType type = WatchEventType::kUnknown;
  RawJson object;                 ///< points into the line
  std::string resource_version;   ///< the object's metadata.resourceVersion; empty where it has none
  std::optional<ApiError> error;  ///< kError: the Status, decoded
};

/// Decodes lines. Reuse one per stream: it keeps its memory. Not thread-safe.
class WatchEventParser {
 public:
  WatchEventParser();
  ~WatchEventParser();
  WatchEventParser(WatchEventParser&&) noexcept;
  WatchEventParser& operator=(WatchEventParser&&) noexcept;

  /// kInvalidInput for anything but one JSON object with a text `type` and an object `object`. A type of
  /// tomorrow is kUnknown, not an error. The inside of `object` is not checked (K4.6: that is the
  /// projection's business).
  Result<WatchEvent> parse(RawJson line);

 private:
  struct Parsers;
  std::unique_ptr<Parsers> parsers_;
};

}  // namespace kintsugi::k8s
