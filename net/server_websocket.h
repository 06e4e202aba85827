// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/http_server.h"
#include "net/server_registry.h"
#include "net/socket.h"

namespace kintsugi::net {

/// Answers the upgrade, runs `serve` on a thread of its own and closes the session when it returns. Called on
/// the strand; over max_websockets the connection is closed.
void serve_websocket(ServerRegistry& registry, std::shared_ptr<ServerSession> session,
                     std::shared_ptr<Socket> socket, const ServerRequest& request,
                     const std::string& subprotocol, std::function<void(WebSocketPeer&)> serve);

}  // namespace kintsugi::net
