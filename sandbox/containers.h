// SPDX-License-Identifier: Apache-2.0
//
// What runs inside of the containers, the same in every one: a web server, and an intruder's shell.
#pragma once

#include <string>
#include <vector>

#include "net/http_server.h"

namespace kintsugi::sandbox {

std::string container_log(bool previous);

/// Plays one exec over v5.channel.k8s.io: output, then the Status. A container has `ps` and, for its tables
/// of sockets, `cat`. `command` has at least one word.
void serve_exec(const std::vector<std::string>& command, net::WebSocketPeer& peer);

}  // namespace kintsugi::sandbox
