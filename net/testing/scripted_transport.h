// SPDX-License-Identifier: Apache-2.0
//
// An HttpTransport that answers from a script, for tests of what stands above HTTP.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/http.h"

namespace kintsugi::net {

/// Rules are tried in the order in which they were added; the first that fits and is not used up answers. A
/// request that none fits fails with kInternal and says so. Thread-safe.
///
///   ScriptedTransport transport;
///   transport.when("GET", "/api/v1/pods").respond(200, "{}");
///   transport.when("GET", "/api/v1/pods?watch=1").chunks({"{…}\n", "{…}\n"}).then_block();
class ScriptedTransport final : public HttpTransport {
 public:
  using Answer = std::function<Result<HttpResponse>(const HttpRequest&)>;

  /// What a rule answers: nothing said means 200 without a body. The order of what happens is that of the
  /// functions here. Set it up before requests come.
  class Rule {
   public:
    /// For that many requests; without it, for all.
    Rule& times(int count);
    /// Waits until ScriptedTransport::release(), or the stop.
    Rule& hold();
    /// Waits until the stop, then fails with kCancelled.
    Rule& block();
    Rule& respond(int status, std::string body = {}, Headers headers = {});
    Rule& answer(Answer function);
    Rule& fail_with(Error error);
    /// The body in pieces, for stream(); send() gets them as one.
    Rule& chunks(std::vector<std::string> pieces);
    /// After the body: the stream stays open until the stop.
    Rule& then_block();
    /// After the body: the stream breaks.
    Rule& then_fail(Error error);

   private:
    friend class ScriptedTransport;
    std::string method_;
    std::string prefix_;
    std::optional<int> times_left_;
    bool hold_ = false;
    bool block_ = false;
    Answer answer_;
    std::vector<std::string> chunks_;
    bool block_after_ = false;
    std::optional<Error> error_after_;
  };

  /// `prefix` is compared with the URL, or where it starts with '/', with the URL's path and query. `method`
  /// "*" fits all.
  Rule& when(std::string method, std::string prefix);
  /// Lets through all that a hold() keeps, now and later.
  void release();

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override;
  Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop, const ResponseSink& on_head,
                              const BodySink& on_body) override;

  /// All requests so far, in order.
  std::vector<HttpRequest> requests() const;
  std::size_t count(std::string_view method, std::string_view prefix) const;
  /// Waits until that many requests have come; false when they have not within five seconds.
  bool wait_for_requests(std::size_t at_least) const;

 private:
  /// Records the request and returns a copy of its rule.
  Result<Rule> take_rule(const HttpRequest& request);
  Result<HttpResponse> begin(const Rule& rule, const HttpRequest& request, const std::stop_token& stop);
  Result<HttpResponse> wait_for_stop(std::stop_token stop);

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::list<Rule> rules_;
  std::vector<HttpRequest> requests_;
  bool released_ = false;
};

}  // namespace kintsugi::net
