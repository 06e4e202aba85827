// SPDX-License-Identifier: Apache-2.0
#include "sandbox/containers.h"

#include <nlohmann/json.hpp>

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

constexpr const char* kProcesses =
    "PID   USER     TIME  COMMAND\n"
    "    1 app       0:04 /bin/web --port 8080\n"
    "   42 app       0:00 sh -i\n"
    "   57 app       0:00 ps\n";

/// A listener on 8080, and a shell's connection to 203.0.113.66:4444.
constexpr const char* kSockets =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1\n"
    "   1: 0200F40A:C350 427100CB:115C 01 00000000:00000000 00:00000000 00000000  1000        0 31338 1\n";

/// A message of channel 1 (v5.channel.k8s.io).
std::string on_standard_output(const char* text) {
  std::string message = "\1";
  message.append(text);
  return message;
}

}  // namespace

std::string container_log(bool previous) {
  return previous ? "fatal: exiting\n" : "listening on 8080\n";
}

void serve_exec(const std::vector<std::string>& command, net::WebSocketPeer& peer) {
  json status{{"metadata", json::object()}, {"status", "Success"}};
  if (command.front() == "ps") {
    peer.send(on_standard_output(kProcesses));
  } else if (command.front() == "cat") {
    peer.send(on_standard_output(kSockets));
  } else {
    status["status"] = "Failure";
    status["reason"] = "InternalError";
    status["code"] = 500;
    status["message"] = "Internal error occurred: error executing command in container: exec: \"" +
                        command.front() + "\": executable file not found in $PATH: unknown";
  }
  peer.send('\3' + status.dump(-1, ' ', false, json::error_handler_t::replace));
  peer.close();
}

}  // namespace kintsugi::sandbox
