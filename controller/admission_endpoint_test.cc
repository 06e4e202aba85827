// SPDX-License-Identifier: Apache-2.0
#include "controller/admission_endpoint.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/json_text.h"
#include "metrics/exposition.h"
#include "net/test_server.h"

namespace kintsugi::controller {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr char kOpen[] = "/v1/admission/fail-open", kClosed[] = "/v1/admission/fail-closed";

/// Accepts "good…", cannot ask about "away…", refuses all else.
trust::Verdict judge(const std::string& image, MonotonicTime) {
  trust::Verdict verdict;
  verdict.accepted = image.starts_with("good");
  verdict.retryable = image.starts_with("away");
  verdict.reason = verdict.accepted    ? "Verified"
                   : verdict.retryable ? "RegistryUnavailable"
                                       : "SignatureMissing";
  return verdict;
}

std::string review_of(const std::vector<std::string>& images) {
  json containers = json::array();
  for (const std::string& image : images)
    containers.push_back({{"name", "c" + std::to_string(containers.size())}, {"image", image}});
  return json_text(json({{"apiVersion", "admission.k8s.io/v1"},
                         {"kind", "AdmissionReview"},
                         {"request",
                          {{"uid", "u-1"},
                           {"namespace", "shop"},
                           {"object", {{"kind", "Pod"}, {"spec", {{"containers", containers}}}}}}}}));
}

struct Fixture {
  SystemClock clock;
  metrics::Registry metrics{metrics::RegistryOptions{}};
  AdmissionEndpoint endpoint{judge, metrics, clock};
  net::TestServer server{
      {.handle = [this](net::ServerRequest request, std::unique_ptr<net::Responder> responder) {
        endpoint.handle(std::move(request), std::move(responder));
      }}};

  net::HttpResponse ask(const std::string& path, const std::string& body, const char* method = "POST") {
    net::HttpRequest request = net::post(server.url(path), body);
    request.method = method;
    const auto response = net::make_curl_transport({})->send(request, {});
    REQUIRE(response);
    return *response;
  }
  json answer(const std::string& path, const std::vector<std::string>& images) {
    const net::HttpResponse response = ask(path, review_of(images));
    REQUIRE(response.status == 200);
    return parse_json(response.body).value()["response"];
  }
  bool has_line(const std::string& line) {
    return metrics::expose(metrics, std::nullopt, {}, clock.now()).find("\n" + line + "\n") !=
           std::string::npos;
  }
};

}  // namespace

TEST_CASE("a review is answered by the verdicts about its images", "[admission]") {
  Fixture fixture;
  CHECK(fixture.answer(kOpen, {"good"})["allowed"] == true);
  CHECK(fixture.answer(kClosed, {"good", "good:2"})["allowed"] == true);
  CHECK(fixture.answer(kOpen, {"good", "bad"})["allowed"] == false);
  CHECK(fixture.answer(kOpen, {"away"})["allowed"] == true);
  CHECK(fixture.answer(kClosed, {"away"})["allowed"] == false);
  CHECK(fixture.answer(kClosed, {"away"})["uid"] == "u-1");
  CHECK(fixture.has_line("kintsugi_admission_reviews_total{result=\"allowed\"} 2"));
  CHECK(fixture.has_line("kintsugi_admission_reviews_total{result=\"refused\"} 3"));
  CHECK(fixture.has_line("kintsugi_admission_reviews_total{result=\"undecided\"} 1"));
}

TEST_CASE("what is no review has no answer, so that the namespace's own rule counts", "[admission]") {
  Fixture fixture;
  CHECK(fixture.ask(kOpen, "{}").status == 400);
  CHECK(fixture.ask(kOpen, "").status == 400);
  CHECK(fixture.ask("/v1/admission/other", review_of({"good"})).status == 404);
  CHECK(fixture.ask("/v1/admission/fail-open/", review_of({"good"})).status == 404);
  CHECK(fixture.ask(kOpen, "", "GET").status == 405);
  CHECK(fixture.has_line(
      "controller_runtime_webhook_requests_total{code=\"400\",webhook=\"/v1/admission/fail-open\"} 2"));
}

}  // namespace kintsugi::controller
