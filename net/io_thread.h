// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <thread>

namespace kintsugi::net {

/// Starts a thread that takes no signals: they are for `main`, and a SIGPIPE from a TLS write must not end
/// the process. `name` has at most 15 bytes (it is what `top -H` shows).
std::thread start_io_thread(const char* name, std::function<void()> body);

}  // namespace kintsugi::net
