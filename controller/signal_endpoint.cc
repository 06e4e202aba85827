// SPDX-License-Identifier: Apache-2.0
#include "controller/signal_endpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_text.h"
#include "signals/problem_details.h"

namespace kintsugi::controller {
namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "/v1/signals/";

net::HttpResponse problem(const signals::ProblemDetails& details) {
  return response_with(details.status, "application/problem+json", signals::to_json(details));
}

net::HttpResponse busy() {
  net::HttpResponse response =
      problem_response(429, "Too many signals", "the intake queue is full; send again");
  response.headers.set("Retry-After", "1");
  return response;
}

net::HttpResponse no_such_source() {
  return problem_response(404, "Not found", "no such source of signals");
}

/// What follows the prefix; nothing where the path is another.
std::optional<std::string_view> source_of(const net::ServerRequest& request) {
  const std::string_view path = request.path;
  if (!path.starts_with(kPrefix)) return std::nullopt;
  return path.substr(kPrefix.size());
}

json error_to_json(std::size_t index, const Error& error) {
  const signals::ProblemDetails details = signals::describe_element_error(error, std::nullopt);
  json out = {{"index", index}, {"result", "error"}, {"status", details.status}, {"message", details.detail}};
  if (!details.field.empty()) out["field"] = details.field;
  return out;
}

json result_to_json(std::size_t index, const IntakeResult& result) {
  json out = {{"index", index}, {"result", to_string(result.disposition)}, {"message", result.message}};
  if (!result.incident.empty()) out["incident"] = result.incident;
  return out;
}

}  // namespace

SignalEndpoint::SignalEndpoint(Options options, Take take, const SignalTokens& tokens, Decoders decoders,
                               const Clock& clock, Observer observer)
    : options_(options),
      take_(std::move(take)),
      tokens_(tokens),
      decoders_(std::move(decoders)),
      clock_(clock),
      observer_(std::move(observer)),
      queue_(
          options.queue, [this](const net::ServerRequest& request) { return answer(request); },
          [](const net::ServerRequest&) { return busy(); }) {}

std::optional<net::HttpResponse> SignalEndpoint::admit(const net::ServerRequest& request) const {
  const auto source = source_of(request);
  if (!source) return std::nullopt;
  // Credentials first: who has none learns nothing about what there is.
  if (options_.require_token) {
    const std::string* authorization = request.headers.find("Authorization");
    if (authorization == nullptr || !tokens_.admits(*source, *authorization)) {
      net::HttpResponse response =
          problem_response(401, "Unauthorized", "a bearer token of this source is needed");
      response.headers.set("WWW-Authenticate", "Bearer");
      return response;
    }
  }
  if (decoder_of(*source) == nullptr) return no_such_source();
  if (request.method != "POST") {
    net::HttpResponse response = problem_response(405, "Method not allowed", "signals are sent by POST");
    response.headers.set("Allow", "POST");
    return response;
  }
  if (queue_.is_full()) return busy();
  return std::nullopt;
}

void SignalEndpoint::handle(net::ServerRequest request, std::unique_ptr<net::Responder> responder) {
  queue_.handle(std::move(request), std::move(responder));
}

const signals::Decoder* SignalEndpoint::decoder_of(std::string_view source) const {
  const auto found = std::find_if(decoders_.begin(), decoders_.end(),
                                  [source](const auto* decoder) { return decoder->source() == source; });
  return found == decoders_.end() ? nullptr : *found;
}

net::HttpResponse SignalEndpoint::answer(const net::ServerRequest& request) {
  const signals::Decoder* const decoder = decoder_of(source_of(request).value_or(""));
  if (decoder == nullptr) return no_such_source();
  const auto batch = decoder->decode(request.body, clock_.now());
  if (!batch) {
    const signals::ProblemDetails details = signals::describe_body_error(batch.error());
    // What is too large is refused unread, most of it by the server, which counts nothing.
    if (details.status != 413) observer_(decoder->source(), "invalid");
    return problem(details);
  }
  if (!batch->is_list && !batch->elements.front()) {
    observer_(decoder->source(), "invalid");
    return problem(signals::describe_element_error(batch->elements.front().error(), std::nullopt));
  }
  return answer_batch(decoder->source(), *batch);
}

net::HttpResponse SignalEndpoint::answer_batch(std::string_view source, const signals::Batch& batch) {
  json results = json::array();
  bool all_good = true;
  for (std::size_t i = 0; i < batch.elements.size(); ++i) {
    const Result<Signal>& element = batch.elements[i];
    if (!element && element.error().reason == signals::kNothingToDo) {
      observer_(source, "ignored");
      results.push_back({{"index", i}, {"result", "ignored"}, {"message", element.error().message}});
      continue;
    }
    if (!element) {
      all_good = false;
      observer_(source, "invalid");
      results.push_back(error_to_json(i, element.error()));
      continue;
    }
    auto taken = take_(*element);
    if (!taken) {
      observer_(source, "not-durable");
      // Nothing of this element is durable: the sender sends again, and what was taken before meets itself.
      net::HttpResponse response = problem_response(503, "Not durable", taken.error().to_string());
      response.headers.set("Retry-After", "1");
      return response;
    }
    observer_(source, to_string(taken->disposition));
    results.push_back(result_to_json(i, *taken));
  }
  return response_with(all_good ? 202 : 207, "application/json",
                       json_text(json({{"results", std::move(results)}})));
}

}  // namespace kintsugi::controller
