// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "net/http_server.h"
#include "net/server_registry.h"

namespace kintsugi::net {

/// The Responder for the request that `session` hands out now. It may outlive the session and the server.
std::unique_ptr<Responder> make_responder(ServerRegistry& registry,
                                          const std::shared_ptr<ServerSession>& session, bool http_1_0);

}  // namespace kintsugi::net
