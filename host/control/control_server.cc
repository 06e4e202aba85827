// SPDX-License-Identifier: Apache-2.0
#include "host/control/control_server.h"

#include <utility>

#include "host/control/api_status.h"
#include "net/unix_socket.h"

namespace kintsugi::host {
namespace {

/// What the server itself refuses, in the API's shape.
net::HttpResponse own_refusal(int status) {
  return respond(Refusal{status,
                         status == 413   ? "RequestEntityTooLarge"
                         : status >= 500 ? "InternalError"
                                         : "BadRequest",
                         "the request cannot be served (HTTP status " + std::to_string(status) + ")"});
}

}  // namespace

Result<std::unique_ptr<net::HttpServer>> start_control_server(const std::string& path, const ControlApi& api,
                                                              Logger& log) {
  if (auto checked = net::check_unix_path(path); !checked) return fail(std::move(checked).error());
  net::ServerOptions options;
  options.unix_socket = path;
  options.limits.max_connections = 64;
  options.limits.max_body_bytes = 1u << 20;
  options.admit = [&api](const net::ServerRequest& request) { return api.refusal_for(request); };
  options.handle = [&api](const net::ServerRequest& request, std::unique_ptr<net::Responder> responder) {
    responder->respond(api.answer(request));
  };
  options.refusal = own_refusal;
  return net::start_http_server(std::move(options), log);
}

}  // namespace kintsugi::host
