// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/socket.h"

namespace kintsugi::net {

/// The addresses of `host` (a name or a numeric address), in the system's order of preference; never none.
///
/// The system's resolver cannot be interrupted: it runs on a thread of its own that is left behind when
/// `timeout` passes or `stop` is requested, and ends when the resolver does. Errors: kUnavailable, kTimeout,
/// kCancelled.
Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port,
                                           std::chrono::milliseconds timeout, std::stop_token stop);

}  // namespace kintsugi::net
