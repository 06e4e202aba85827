// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "host/images/image_directory.h"
#include "net/http.h"
#include "trust/registry/call.h"

namespace kintsugi::host {

struct DownloadOptions {
  std::chrono::milliseconds head_timeout{30'000};  ///< until a server begins to answer
  std::chrono::milliseconds idle_timeout{60'000};  ///< the longest silence after that
  std::chrono::milliseconds pause{1000};           ///< before going on where a connection broke
  int most_breaks = 5;                             ///< in a row, without a byte in between
};

/// Hands what a web server has at `url` to `sink`, whatever its size, and goes on where a connection broke
/// (RFC 9110 §14), at a server that can. What the bytes are worth is the caller's to find out. Redirects are
/// not followed: the place that a policy selects is the place that is asked. Errors: SourceUnavailable,
/// SourceNotFound, SourceInvalid, RedirectRefused, Cancelled, and those of `sink`.
Result<void> download(net::HttpTransport& transport, const std::string& url, ImageSink& sink,
                      const Clock& clock, const trust::Call& call, const DownloadOptions& options = {});

}  // namespace kintsugi::host
