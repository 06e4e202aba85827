// SPDX-License-Identifier: Apache-2.0
#include "controller/signal_endpoint.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "signals/alertmanager.h"
#include "signals/falco.h"
#include "signals/generic.h"

namespace kintsugi::controller {
namespace {

using nlohmann::json;

const std::string kEvent =
    R"({"rule": "Terminal shell", "priority": "Critical", "output": "o", "source": "syscall",
        "output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": "web-1"}})";

/// Keeps the answer for the test.
class Keep final : public net::Responder {
 public:
  Keep(std::mutex& mutex, std::condition_variable& answered, std::vector<net::HttpResponse>& answers)
      : mutex_(mutex), answered_(answered), answers_(answers) {}
  void respond(net::HttpResponse response) override {
    std::lock_guard lock(mutex_);
    answers_.push_back(std::move(response));
    answered_.notify_all();
  }
  std::shared_ptr<net::BodyWriter> start_stream(net::HttpResponse) override { return nullptr; }
  void accept_websocket(std::string, std::function<void(net::WebSocketPeer&)>) override {}

 private:
  std::mutex& mutex_;
  std::condition_variable& answered_;
  std::vector<net::HttpResponse>& answers_;
};

struct Fixture {
  explicit Fixture(SignalEndpoint::Options with = {.queue = {.threads = 1, .max_waiting = 8},
                                                   .require_token = false})
      : options(with) {}

  SignalEndpoint& endpoint() {
    if (endpoint_ == nullptr) {
      endpoint_ = std::make_unique<SignalEndpoint>(
          options, take, tokens, SignalEndpoint::Decoders{&falco, &generic, &alertmanager}, clock,
          [this](std::string_view source, std::string_view word) {
            std::lock_guard lock(mutex);
            observed.push_back(std::string(source) + " " + std::string(word));
          });
    }
    return *endpoint_;
  }
  void post(const std::string& body, const std::string& source = "falco") {
    net::ServerRequest request;
    request.method = "POST";
    request.path = "/v1/signals/" + source;
    request.body = body;
    endpoint().handle(std::move(request), std::make_unique<Keep>(mutex, answered, answers));
  }
  net::HttpResponse answer_to(const std::string& body, const std::string& source = "falco") {
    post(body, source);
    std::unique_lock lock(mutex);
    REQUIRE(answered.wait_for(lock, std::chrono::seconds(10), [&] { return !answers.empty(); }));
    net::HttpResponse answer = answers.back();
    answers.clear();
    return answer;
  }

  const SignalEndpoint::Options options;
  SignalEndpoint::Take take = [](const Signal&) {
    return IntakeResult{Disposition::kOpened, "inc-1", "opened"};
  };
  ManualClock clock;
  SignalTokens tokens;
  signals::FalcoDecoder falco;
  signals::GenericDecoder generic;
  signals::AlertmanagerDecoder alertmanager;
  std::mutex mutex;
  std::condition_variable answered;
  std::vector<net::HttpResponse> answers;
  std::vector<std::string> observed;

 private:
  std::unique_ptr<SignalEndpoint> endpoint_;
};

net::ServerRequest request_of(const std::string& method, const std::string& path,
                              const std::string& token = "") {
  net::ServerRequest request;
  request.method = method;
  request.path = path;
  if (!token.empty()) request.headers.set("Authorization", "Bearer " + token);
  return request;
}

}  // namespace

TEST_CASE("a full queue is said before a body is read, and when to come again") {
  Fixture fixture({.queue = {.threads = 0, .max_waiting = 2}, .require_token = false});
  const net::ServerRequest request = request_of("POST", "/v1/signals/falco");
  CHECK_FALSE(fixture.endpoint().admit(request));
  fixture.post(kEvent);
  fixture.post(kEvent);
  const auto refused = fixture.endpoint().admit(request);
  REQUIRE(refused);
  CHECK(refused->status == 429);
  CHECK(*refused->headers.find("Retry-After") == "1");
  // One that was admitted while there was room meets a full queue.
  fixture.post(kEvent);
  REQUIRE(fixture.answers.size() == 1);
  CHECK(fixture.answers.front().status == 429);
}

TEST_CASE("who has no token of the source learns nothing else") {
  Fixture fixture({.queue = {.threads = 0, .max_waiting = 0}, .require_token = true});
  fixture.tokens.replace(
      SignalTokens::parse("falco falco-token-0123456789\naudit audit-token-0123456789").value());
  struct Case {
    std::string method, path, token;
    int status;
  };
  const auto c = GENERATE(values<Case>({
      {"POST", "/v1/signals/falco", "", 401},
      {"POST", "/v1/signals/falco", "falco-token-012345678", 401},
      {"POST", "/v1/signals/falco", "audit-token-0123456789", 401},
      {"POST", "/v1/signals/no-such-source", "falco-token-0123456789", 401},
      {"DELETE", "/v1/signals/falco", "", 401},
      {"POST", "/v1/signals/audit", "audit-token-0123456789", 404},
      {"GET", "/v1/signals/falco", "falco-token-0123456789", 405},
      {"POST", "/v1/signals/falco", "falco-token-0123456789", 429},
  }));
  CAPTURE(c.method, c.path, c.token);
  const auto answer = fixture.endpoint().admit(request_of(c.method, c.path, c.token));
  REQUIRE(answer);
  CHECK(answer->status == c.status);
  CHECK((answer->headers.find("WWW-Authenticate") != nullptr) == (c.status == 401));
}

TEST_CASE("202 is said for what is durable, with each element's result") {
  Fixture fixture;
  const net::HttpResponse answer = fixture.answer_to("[" + kEvent + "," + kEvent + "]");
  CHECK(answer.status == 202);
  const json results = parse_json(answer.body).value()["results"];
  REQUIRE(results.size() == 2);
  CHECK(results[1] ==
        json({{"index", 1}, {"result", "opened"}, {"incident", "inc-1"}, {"message", "opened"}}));
  CHECK(fixture.observed == std::vector<std::string>{"falco opened", "falco opened"});
}

TEST_CASE("a bad element does not drop the good ones") {
  Fixture fixture;
  const net::HttpResponse answer = fixture.answer_to("[" + kEvent + R"(, {"rule": 5}])");
  CHECK(answer.status == 207);
  const json results = parse_json(answer.body).value()["results"];
  CHECK(results[0]["result"] == "opened");
  CHECK(results[1]["result"] == "error");
  CHECK(results[1]["field"] == "rule");
}

TEST_CASE("what is not durable is not accepted") {
  Fixture fixture;
  fixture.take = [](const Signal&) -> Result<IntakeResult> {
    return fail(ErrorCode::kUnavailable, "no API server");
  };
  const net::HttpResponse answer = fixture.answer_to(kEvent);
  CHECK(answer.status == 503);
  CHECK(fixture.observed.back() == "falco not-durable");
  CHECK(*answer.headers.find("Retry-After") == "1");
}

TEST_CASE("a body that is no event is a problem with its field") {
  Fixture fixture;
  CHECK(fixture.answer_to("{").status == 400);
  CHECK(fixture.answer_to(R"({"rule": "r", "rule": "s"})").status == 400);
  const net::HttpResponse answer = fixture.answer_to(R"({"rule": "r", "priority": "Loud"})");
  CHECK(answer.status == 422);
  CHECK(*answer.headers.find("Content-Type") == "application/problem+json");
  CHECK(parse_json(answer.body).value()["field"] == "priority");
  CHECK(fixture.observed.back() == "falco invalid");
}

TEST_CASE("a request that is refused as a whole is no signal") {
  Fixture fixture;
  CHECK(fixture.answer_to(std::string(100, '[') + std::string(100, ']')).status == 413);
  net::ServerRequest request;
  request.path = "/v1/signals/falco";
  CHECK(fixture.endpoint().admit(request)->status == 405);
  request.path = "/v1/signals/other";
  CHECK(fixture.endpoint().admit(request)->status == 404);
  CHECK(fixture.observed.empty());
}

TEST_CASE("the path says how a body is read") {
  Fixture fixture;
  std::vector<Signal> taken;
  fixture.take = [&taken](const Signal& signal) {
    taken.push_back(signal);
    return IntakeResult{Disposition::kOpened, "inc-1", "opened"};
  };
  const std::string generic = R"({"rule": "r", "severity": "error", "target": {"domain": "db-1"}})";
  const std::string alert =
      R"({"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "r", "vm": "db-2"}}]})";
  CHECK(fixture.answer_to(kEvent, "falco").status == 202);
  CHECK(fixture.answer_to(generic, "generic").status == 202);
  CHECK(fixture.answer_to(alert, "alertmanager").status == 202);
  REQUIRE(taken.size() == 3);
  CHECK(taken[0].source + " " + taken[0].pod_name == "falco web-1");
  CHECK(taken[1].source + " " + taken[1].domain == "generic db-1");
  CHECK(taken[2].source + " " + taken[2].domain == "alertmanager db-2");
  CHECK(fixture.observed ==
        std::vector<std::string>{"falco opened", "generic opened", "alertmanager opened"});

  for (const auto& [body, source] :
       {std::pair(kEvent, "generic"), std::pair(kEvent, "alertmanager"), std::pair(generic, "falco"),
        std::pair(generic, "alertmanager"), std::pair(alert, "falco"), std::pair(alert, "generic")}) {
    CAPTURE(body, source);
    CHECK(fixture.answer_to(body, source).status == 422);
    CHECK(fixture.observed.back() == std::string(source) + " invalid");
  }
  CHECK(fixture.answer_to(kEvent, "other").status == 404);
  CHECK(fixture.answer_to(kEvent, "").status == 404);
  CHECK(taken.size() == 3);
}

TEST_CASE("a token is good for its own source only") {
  Fixture fixture({.queue = {.threads = 0, .max_waiting = 8}, .require_token = true});
  fixture.tokens.replace(
      SignalTokens::parse("generic generic-token-0123456789\nalertmanager alert-token-0123456789").value());
  struct Case {
    std::string source, token;
    bool is_admitted;
  };
  const auto c = GENERATE(values<Case>({
      {"generic", "generic-token-0123456789", true},
      {"alertmanager", "alert-token-0123456789", true},
      {"generic", "alert-token-0123456789", false},
      {"alertmanager", "generic-token-0123456789", false},
      {"falco", "generic-token-0123456789", false},
      {"Generic", "generic-token-0123456789", false},
      {"generic/", "generic-token-0123456789", false},
      {"", "generic-token-0123456789", false},
  }));
  CAPTURE(c.source, c.token);
  const auto answer = fixture.endpoint().admit(request_of("POST", "/v1/signals/" + c.source, c.token));
  CHECK(answer.has_value() != c.is_admitted);
  if (answer) CHECK(answer->status == 401);
}

TEST_CASE("what there is nothing to do about is accepted, and reaches no intake") {
  Fixture fixture;
  fixture.take = [](const Signal&) -> Result<IntakeResult> { return fail(ErrorCode::kInternal, "taken"); };
  const net::HttpResponse answer = fixture.answer_to(
      R"({"version": "4", "alerts": [{"status": "resolved"}, {"status": "resolved"}]})", "alertmanager");
  CHECK(answer.status == 202);
  CHECK(parse_json(answer.body).value()["results"][1] ==
        json({{"index", 1}, {"result", "ignored"}, {"message", "the alert is resolved"}}));
  CHECK(fixture.observed == std::vector<std::string>{"alertmanager ignored", "alertmanager ignored"});
  CHECK(fixture.answer_to(R"({"version": "4", "alerts": [{"status": "resolved"}, {}]})", "alertmanager")
            .status == 207);
}

}  // namespace kintsugi::controller
