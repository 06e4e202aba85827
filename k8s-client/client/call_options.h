// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string_view>

#include "k8s-client/core/api_error.h"
#include "net/http.h"

namespace kintsugi::k8s {

/// How one call is made.
struct CallOptions {
  net::Priority priority = net::Priority::kNormal;
  std::chrono::milliseconds timeout{5000};
  // NOLINTNEXTLINE(readability-redundant-member-init): without it GCC warns where callers name single
  // members.
  std::stop_token stop{};
  /// Sends `dryRun=All`: the server validates and admits, and stores nothing.
  bool dry_run = false;
};

/// Called after each exchange, for metrics: method, HTTP status (0: none), duration.
using ExchangeObserver =
    std::function<void(std::string_view method, int status, std::chrono::nanoseconds took)>;
/// Called with the text of each Warning header of an answer (K12.12), escaped.
using WarningSink = std::function<void(std::string_view text)>;
/// Called before a request is sent again, with the answer to the last try. After a 429 its advice names the
/// FlowSchema.
using RetryObserver = std::function<void(const ApiError& error)>;

}  // namespace kintsugi::k8s
