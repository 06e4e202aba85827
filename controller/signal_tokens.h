// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace kintsugi::controller {

/// Who may send signals of a source: bearer tokens from a file of lines "source token"; '#' starts a comment,
/// several lines of one source allow for rotation. Thread-safe.
class SignalTokens {
 public:
  /// Parses the file's text. Errors name the line, never its content.
  static Result<std::vector<std::pair<std::string, Secret>>> parse(std::string_view text);

  void replace(std::vector<std::pair<std::string, Secret>> tokens);
  /// Whether `authorization` ("Bearer …") is a token of `source`. Takes the same time whichever token is
  /// nearly right.
  bool admits(std::string_view source, std::string_view authorization) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, Secret>> tokens_;
};

}  // namespace kintsugi::controller
