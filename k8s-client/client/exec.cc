// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/exec.h"

#include <algorithm>
#include <utility>

#include "k8s-client/core/request.h"

namespace kintsugi::k8s {
namespace {

constexpr std::chrono::milliseconds kLeastDeadline{1};

net::WebSocketRequest make_request(std::string url, std::chrono::milliseconds deadline) {
  net::WebSocketRequest request;
  request.url = std::move(url);
  request.subprotocol = kExecSubprotocol;
  request.deadline = deadline;
  request.connect_timeout = std::min(request.connect_timeout, deadline);
  return request;
}

/// What a session that broke came to. Its Status may have come before it did, and then the outcome is known.
ApiResult<ExecResult> broken(ExecDemultiplexer& frames, bool started, Error trouble,
                             const std::string& object) {
  auto finished = frames.finish();
  if (finished || finished.error().from_server()) return finished;
  ApiError error = transport_error(std::move(trouble), object);
  error.outcome_unknown = error.outcome_unknown || started;
  return tl::unexpected(std::move(error));
}

}  // namespace

Result<net::TlsOptions> ExecSession::prepare(net::WebSocketRequest& request, const std::string& user_agent) {
  auto identity = credentials.credentials();
  if (!identity) return fail(std::move(identity).error());
  auto tls = credentials.tls();
  if (!tls) return fail(std::move(tls).error());
  request.bearer_token = std::move(identity->bearer_token);
  request.headers = std::move(identity->headers);
  request.headers.set("User-Agent", user_agent);
  return std::move(tls->options);
}

ApiResult<ExecResult> ExecSession::run(std::string url, const std::string& user_agent,
                                       const std::string& object, const ExecOptions& options,
                                       const std::stop_token& stop) {
  const CallOptions call{.priority = options.priority, .timeout = options.deadline, .stop = stop};
  const MonotonicTime deadline = clock.monotonic() + options.deadline;
  net::WebSocketRequest request = make_request(std::move(url), options.deadline);
  bool renewed = false;
  for (int tries = 1;; ++tries) {
    if (auto admitted = exchange.admit(object, call, deadline); !admitted) {
      return tl::unexpected(std::move(admitted).error());
    }
    const auto tls = prepare(request, user_agent);
    if (!tls) return tl::unexpected(transport_error(tls.error(), object));
    const MonotonicTime began = clock.monotonic();
    request.deadline =
        std::max(std::chrono::duration_cast<std::chrono::milliseconds>(deadline - began), kLeastDeadline);
    ExecDemultiplexer frames(options.max_output_bytes, object);
    net::UpgradeRefusal refusal;
    bool started = false;
    const auto done = run_websocket(
        request, *tls, stop,
        [&](std::string_view message) {
          started = true;
          return frames.on_message(message);
        },
        refusal);
    if (done) return frames.finish();
    const int status = refusal.response.status;
    if (status == 0) return broken(frames, started, done.error(), object);
    if (status == 401 && !renewed && exchange.renew_token(request.bearer_token, began)) {
      renewed = true;
      continue;
    }
    ApiError error = decode_api_error(refusal.response, object);
    exchange.note_throttling(error);
    if (!exchange.wait_to_retry(error, tries, deadline, stop)) return tl::unexpected(std::move(error));
  }
}

}  // namespace kintsugi::k8s
