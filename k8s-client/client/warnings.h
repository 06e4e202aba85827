// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"

namespace kintsugi::k8s {

/// The texts of an answer's Warning headers (RFC 7234 §5.5, code 299), escaped; at most 16 of 512 bytes.
std::vector<std::string> warnings_of(const net::Headers& headers);

/// Says of each text once that it is new, and of no more than 256: a server may put what it likes into them.
/// Thread-safe.
class SeenWarnings {
 public:
  bool is_new(std::string_view text);

 private:
  std::mutex mutex_;
  std::set<std::string, std::less<>> seen_;  ///< guarded
};

}  // namespace kintsugi::k8s
