// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace kintsugi::controller {

/// Whether this replica may act for all. Thread-safe.
class Leadership {
 public:
  virtual ~Leadership() = default;
  virtual bool leads() const = 0;
  /// Asked right before a destructive action is sent: leadership will outlast the request (K8.9).
  virtual bool outlasts(std::chrono::nanoseconds margin) const = 0;
  virtual std::int64_t fencing_token() const = 0;
};

}  // namespace kintsugi::controller
