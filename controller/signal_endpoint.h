// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "controller/intake.h"
#include "controller/signal_tokens.h"
#include "net/http_server.h"
#include "signals/decoder.h"

namespace kintsugi::controller {

/// A refusal as problem details (RFC 9457).
net::HttpResponse problem_response(int status, std::string title, std::string detail);

/// `POST /v1/signals/<source>`: decodes, hands each signal to the intake, answers when all are durable. Work
/// waits in a bounded queue; when it is full, 429 is said before a body is read. Thread-safe.
class SignalEndpoint {
 public:
  struct Options {
    std::size_t threads = 16;
    std::size_t max_waiting = 256;
    bool require_token = true;
  };
  /// Makes one signal durable; see Intake::take(). Called from several threads.
  using Take = std::function<Result<IntakeResult>(const Signal& signal)>;
  /// Told each signal's source and what became of it, for metrics: a disposition's word, "invalid", or
  /// "not-durable" for one that its sender has to send again. Refusals of whole requests without a look at
  /// their signals (401, 404, 405, 413, 429) are not told.
  using Observer = std::function<void(std::string_view source, std::string_view disposition)>;

  /// References must outlive the endpoint.
  SignalEndpoint(Options options, Take take, const SignalTokens& tokens, const signals::Decoder& decoder,
                 const Clock& clock, Observer observer);
  /// Answers what waits, then ends its threads.
  ~SignalEndpoint();

  /// For ServerOptions: refuses before the body is read.
  std::optional<net::HttpResponse> admit(const net::ServerRequest& request) const;
  void handle(net::ServerRequest request, std::unique_ptr<net::Responder> responder);

 private:
  struct Waiting {
    net::ServerRequest request;
    std::unique_ptr<net::Responder> responder;
  };

  void run();
  bool wakes_next();
  net::HttpResponse answer(const net::ServerRequest& request);
  net::HttpResponse answer_batch(const signals::Batch& batch);

  const Options options_;
  const Take take_;
  const SignalTokens& tokens_;
  const signals::Decoder& decoder_;
  const Clock& clock_;
  const Observer observer_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  ///< guarded, as are the next three
  std::deque<Waiting> waiting_;
  std::size_t idle_ = 0;  ///< threads that wait for something to do
  bool waking_ = false;   ///< one of them has been woken and is on its way
  std::vector<std::jthread> threads_;
};

}  // namespace kintsugi::controller
