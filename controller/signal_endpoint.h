// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/intake_result.h"
#include "controller/request_queue.h"
#include "controller/responses.h"
#include "controller/signal_tokens.h"
#include "net/http_server.h"
#include "signals/decoder.h"

namespace kintsugi::controller {

/// `POST /v1/signals/<source>`: decodes as the source has it, hands each signal to the intake, answers when
/// all are durable. Work waits in a bounded queue; when it is full, 429 is said before a body is read.
/// Thread-safe.
class SignalEndpoint {
 public:
  struct Options {
    RequestQueue::Options queue{};
    bool require_token = true;
  };
  /// Makes one signal durable; see Intake::take(). Called from several threads.
  using Take = std::function<Result<IntakeResult>(const Signal& signal)>;
  /// Told each signal's source and what became of it, for metrics: a disposition's word, "invalid",
  /// "ignored" for what its decoder finds nothing to do about, or "not-durable" for one that its sender has
  /// to send again. Refusals of whole requests without a look at their signals (401, 404, 405, 413, 429) are
  /// not told.
  using Observer = std::function<void(std::string_view source, std::string_view disposition)>;

  /// One for each source that is served.
  using Decoders = std::vector<const signals::Decoder*>;

  /// References, and what is pointed at, must outlive the endpoint. Its end answers what waits.
  SignalEndpoint(Options options, Take take, const SignalTokens& tokens, Decoders decoders,
                 const Clock& clock, Observer observer);

  /// For ServerOptions: refuses before the body is read.
  std::optional<net::HttpResponse> admit(const net::ServerRequest& request) const;
  void handle(net::ServerRequest request, std::unique_ptr<net::Responder> responder);

 private:
  net::HttpResponse answer(const net::ServerRequest& request);
  net::HttpResponse answer_batch(std::string_view source, const signals::Batch& batch);
  const signals::Decoder* decoder_of(std::string_view source) const;

  const Options options_;
  const Take take_;
  const SignalTokens& tokens_;
  const Decoders decoders_;
  const Clock& clock_;
  const Observer observer_;
  RequestQueue queue_;
};

}  // namespace kintsugi::controller
