// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace kintsugi::k8s {

/// A bearer token in a file that the kubelet replaces (K12.2). Thread-safe.
///
/// Read again 50 s (60 less 10 of leeway) after the last success. A read that fails, an empty file and one
/// that holds no token keep the old token, and are errors where there is none.
class TokenFile {
 public:
  /// `clock` must outlive this object. Reads nothing yet.
  TokenFile(std::string path, const Clock& clock);

  Result<Secret> token();
  /// The server refused a request that was started at `request_start`: a token read before then is not used
  /// again.
  void drop_older_than(MonotonicTime request_start);

 private:
  const std::string path_;
  const Clock& clock_;
  std::mutex mutex_;
  Secret token_;  ///< empty: none
  MonotonicTime read_at_{};
};

/// A token without the white space around it. Fails on one that is empty or has characters that no header may
/// carry.
Result<Secret> parse_token(std::string_view text);

}  // namespace kintsugi::k8s
