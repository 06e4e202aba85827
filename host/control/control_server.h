// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "host/control/control_api.h"
#include "net/http_server.h"

namespace kintsugi::host {

/// Serves the API on a unix socket at `path` (ServerOptions::unix_socket), with bodies of at most 1 MiB. Who
/// may not ask is told so before a body is read. `api` and `log` must outlive the server. Errors as
/// start_http_server().
Result<std::unique_ptr<net::HttpServer>> start_control_server(const std::string& path, const ControlApi& api,
                                                              Logger& log);

}  // namespace kintsugi::host
