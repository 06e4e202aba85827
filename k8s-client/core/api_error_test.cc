// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/api_error.h"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

using namespace kintsugi;
using namespace kintsugi::k8s;

namespace {

std::string status_body(int code, const std::string& reason, const nlohmann::json& causes = nullptr) {
  nlohmann::json status{{"kind", "Status"},
                        {"apiVersion", "v1"},
                        {"status", "Failure"},
                        {"message", "it failed"},
                        {"reason", reason},
                        {"code", code},
                        {"details", {{"name", "web-1"}, {"kind", "pods"}}}};
  if (!causes.is_null()) status["details"]["causes"] = causes;
  return status.dump();
}

ApiError decode(int status, std::string body, net::Headers headers = {}) {
  return decode_api_error({status, std::move(headers), std::move(body)}, "pod shop/web-1");
}

ApiError decode_answer_to(const char* method, int status, std::string body) {
  return decode_api_error({status, {}, std::move(body)}, "pod shop/web-1", method);
}

const nlohmann::json kFieldCause =
    nlohmann::json::array({{{"reason", "FieldValueInvalid"}, {"field", "spec.x"}, {"message", "must be y"}}});

}  // namespace

TEST_CASE("the reason of a Status decides before the HTTP status does") {
  struct Row {
    int status;
    const char* reason;
    ErrorCode code;
  };
  const Row rows[] = {
      {401, "Unauthorized", ErrorCode::kUnauthorized},
      {403, "Forbidden", ErrorCode::kForbidden},
      {404, "NotFound", ErrorCode::kNotFound},
      {409, "AlreadyExists", ErrorCode::kAlreadyExists},
      {409, "Conflict", ErrorCode::kConflict},
      {410, "Expired", ErrorCode::kRefused},
      {410, "Gone", ErrorCode::kRefused},
      {400, "BadRequest", ErrorCode::kInvalidInput},
      {405, "MethodNotAllowed", ErrorCode::kUnsupported},
      {413, "RequestEntityTooLarge", ErrorCode::kTooLarge},
      {429, "TooManyRequests", ErrorCode::kUnavailable},
      {500, "InternalError", ErrorCode::kUnavailable},
      {500, "ServerTimeout", ErrorCode::kUnavailable},
      {504, "Timeout", ErrorCode::kTimeout},
      {503, "ServiceUnavailable", ErrorCode::kUnavailable},
      {409, "SomethingNew", ErrorCode::kConflict},
      {418, "", ErrorCode::kInvalidInput},
      {302, "", ErrorCode::kUnsupported},
  };
  for (const Row& row : rows) {
    INFO(row.status << " " << row.reason);
    const ApiError error = decode(row.status, status_body(row.status, row.reason));
    CHECK(error.code == row.code);
    CHECK(error.reason == row.reason);
    CHECK(error.http_status == row.status);
    CHECK(error.message == "it failed");
    CHECK(error.object == "pod shop/web-1");
    CHECK(error.from_server());
  }
}

TEST_CASE("what is no Status keeps its first KiB, escaped") {
  const std::string broken = status_body(404, "NotFound");
  const std::string bodies[] = {
      "<html><body>\x1b[31m502 Bad Gateway</body></html>",
      "",
      "null",
      "[]",
      "{}",
      R"({"kind":"Pod"})",
      R"({"kind":7,"status":"Failure"})",
      broken.substr(0, broken.size() - 1),
      broken + "x",
      std::string(10u << 20, 'x'),
      std::string(100'000, '['),
  };
  for (const std::string& body : bodies) {
    const ApiError error = decode(502, body);
    CHECK(error.code == ErrorCode::kUnavailable);
    CHECK(error.retryable);
    CHECK(error.message.starts_with("HTTP status 502"));
    CHECK(error.message.size() < 1100);
    CHECK(error.message.find('\x1b') == std::string::npos);
    CHECK(error.reason.empty());
  }
}

TEST_CASE("members of the wrong type are passed over, the Status still counts") {
  const ApiError error = decode(404, R"({"kind":"Status","message":[1],"reason":{"a":1},"code":"x",
      "details":{"causes":[1,null,{"reason":3,"message":"m"}],"retryAfterSeconds":"soon"}})");
  CHECK(error.code == ErrorCode::kNotFound);
  CHECK(error.message == "HTTP status 404");
  REQUIRE(error.causes.size() == 1);
  CHECK(error.causes[0] == StatusCause{"", "", "m"});
  CHECK_FALSE(error.retry_after);
  CHECK(decode(404, R"({"kind":"Status","details":[]})").causes.empty());
  CHECK(decode(404, R"({"kind":"Status","details":{"causes":{}}})").causes.empty());
}

TEST_CASE("text of a Status is escaped and bounded, and so is the number of causes") {
  nlohmann::json causes = nlohmann::json::array();
  for (int i = 0; i < 500; ++i) causes.push_back({{"reason", "R"}, {"message", "a\nb"}});
  nlohmann::json status = nlohmann::json::parse(status_body(422, "Invalid", causes));
  status["message"] = "line\n" + std::string(5000, 'x');
  const ApiError error = decode(422, status.dump());
  CHECK(error.message.starts_with("line\\n"));
  CHECK(error.message.size() < 2100);
  CHECK(error.causes.size() == 64);
  CHECK(error.causes[0].message == "a\\nb");
}

TEST_CASE("a 404 without a Status does not say that the object is gone") {
  for (const char* body : {"404 page not found\n", "", "{}", R"({"kind":"Pod"})", "<html>no route</html>"}) {
    const ApiError error = decode(404, body);
    CHECK(error.code == ErrorCode::kUnavailable);
    CHECK(error.retryable);
    CHECK(error.is_not_served());
  }
  const ApiError gone = decode(404, status_body(404, "NotFound"));
  CHECK(gone.code == ErrorCode::kNotFound);
  CHECK_FALSE(gone.is_not_served());
  CHECK_FALSE(decode(503, "").is_not_served());
}

TEST_CASE("a 422 without causes is a failed test of a patch, and a refusal of anything else") {
  for (const char* method : {"POST", "PUT", "DELETE", "GET"}) {
    for (const std::string& body : {status_body(422, "Invalid"), std::string("no")}) {
      const ApiError refusal = decode_answer_to(method, 422, body);
      CHECK_FALSE(refusal.is_failed_patch_test());
      CHECK(refusal.code == ErrorCode::kInvalidInput);
      CHECK_FALSE(refusal.retryable);
    }
  }
  const ApiError failed_test = decode_answer_to("PATCH", 422, status_body(422, "Invalid"));
  CHECK(failed_test.is_failed_patch_test());
  CHECK(failed_test.code == ErrorCode::kConflict);
  CHECK(failed_test.retryable);
  const ApiError refusal = decode_answer_to("PATCH", 422, status_body(422, "Invalid", kFieldCause));
  CHECK_FALSE(refusal.is_failed_patch_test());
  CHECK(refusal.code == ErrorCode::kInvalidInput);
  CHECK_FALSE(refusal.retryable);
  CHECK(refusal.causes == std::vector<StatusCause>{{"FieldValueInvalid", "spec.x", "must be y"}});
  CHECK_FALSE(decode_answer_to("PATCH", 409, status_body(409, "Conflict")).is_failed_patch_test());
}

TEST_CASE("a disruption budget's 429 is told from throttling") {
  const auto cause =
      nlohmann::json::array({{{"reason", "DisruptionBudget"}, {"message", "needs 2 healthy pods"}}});
  const ApiError budget = decode(429, status_body(429, "TooManyRequests", cause));
  CHECK(budget.is_disruption_budget());
  CHECK(budget.code == ErrorCode::kRefused);
  CHECK_FALSE(budget.retryable);
  net::Headers headers;
  headers.add("retry-after", "3");
  headers.add("X-Kubernetes-PF-FlowSchema-UID", "abc");
  const ApiError throttled = decode(429, status_body(429, "TooManyRequests"), headers);
  CHECK_FALSE(throttled.is_disruption_budget());
  CHECK(throttled.retryable);
  CHECK(throttled.retry_after == std::chrono::seconds(3));
  CHECK(throttled.advice.find("abc") != std::string::npos);
}

TEST_CASE("Retry-After is seconds, from the header before the body, and bounded") {
  const auto with_header = [](const char* value) {
    net::Headers headers;
    headers.add("Retry-After", value);
    return decode(503, R"({"kind":"Status","details":{"retryAfterSeconds":7}})", headers).retry_after;
  };
  CHECK(with_header("2") == std::chrono::seconds(2));
  CHECK(with_header("0") == std::chrono::seconds(0));
  CHECK(with_header("999999999") == std::chrono::hours(1));
  for (const char* bad : {"", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999999999999"}) {
    CHECK(with_header(bad) == std::chrono::seconds(7));
  }
}

TEST_CASE("expired versions and versions from the future are recognised") {
  CHECK(decode(410, "").is_expired());
  CHECK(decode(500, status_body(500, "Expired")).is_expired());
  CHECK_FALSE(decode(404, status_body(404, "NotFound")).is_expired());
  const auto cause =
      nlohmann::json::array({{{"reason", "ResourceVersionTooLarge"}, {"message", "Too large"}}});
  CHECK(decode(504, status_body(504, "Timeout", cause)).is_resource_version_too_large());
  CHECK_FALSE(decode(504, status_body(504, "Timeout")).is_resource_version_too_large());
}

TEST_CASE("a Status inside a stream carries its own code") {
  const ApiError expired = api_error_from_status(nlohmann::json::parse(status_body(410, "Expired")), "pods");
  CHECK(expired.is_expired());
  CHECK(expired.http_status == 410);
  CHECK(api_error_from_status(nlohmann::json::parse(R"({"kind":"Status","code":-5})"), "pods").http_status ==
        500);
  const ApiError other = api_error_from_status(nlohmann::json::parse(R"({"kind":"Pod"})"), "pods");
  CHECK_FALSE(other.from_server());
  CHECK(other.code == ErrorCode::kInternal);
}

TEST_CASE("trouble on the way keeps its object or gets one, and slices to an Error") {
  const ApiError error = transport_error(make_error(ErrorCode::kTimeout, "no answer"), "pod a/b");
  CHECK_FALSE(error.from_server());
  CHECK(error.object == "pod a/b");
  CHECK(transport_error(make_error(ErrorCode::kTimeout, "no answer").on("host"), "pod a/b").object == "host");
  const ApiResult<int> api = tl::unexpected(error);
  const Result<int> plain = tl::unexpected<Error>(api.error());
  CHECK(plain.error().code == ErrorCode::kTimeout);
}
