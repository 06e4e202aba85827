// SPDX-License-Identifier: Apache-2.0
#include "signals/problem_details.h"

#include <catch2/catch.hpp>

#include "base/time.h"
#include "signals/falco.h"

using namespace kintsugi;
using namespace kintsugi::signals;

namespace {

Result<Batch> decode(const std::string& body) {
  return FalcoDecoder().decode(body, parse_rfc3339("2026-11-21T09:58:05Z").value());
}

}  // namespace

TEST_CASE("Problem details are RFC 9457 objects") {
  CHECK(
      to_json({422, "Not a usable event", "rule: missing", "rule"}) ==
      R"({"type":"about:blank","title":"Not a usable event","status":422,"detail":"rule: missing","field":"rule"})");
  CHECK(to_json({413, "Content Too Large", "a \"b\"\n", ""}) ==
        R"({"type":"about:blank","title":"Content Too Large","status":413,"detail":"a \"b\"\n"})");
  CHECK_THAT(to_json({400, "t", "\xff", ""}), Catch::Contains("\"detail\":\"\xEF\xBF\xBD\""));
}

TEST_CASE("Problem details: the status says whose fault it is") {
  CHECK(describe_body_error(decode("{").error()).status == 400);
  CHECK(describe_body_error(decode(R"({"a":1,"a":2})").error()).status == 400);
  CHECK(describe_body_error(decode(std::string(2u << 20, ' ')).error()).status == 413);
  const auto batch = decode(R"([{"rule": "r", "priority": "x"},
                                {"rule": "r", "priority": "Error", "output_fields": {"evt.time": 1e999}}, 5])");
  REQUIRE(batch);
  const ProblemDetails wrong = describe_element_error(batch->elements[0].error(), 0);
  CHECK(wrong.status == 422);
  CHECK(wrong.field == "[0].priority");
  CHECK_THAT(wrong.detail, Catch::StartsWith("[0].priority: 'x' is no Falco priority"));
  const ProblemDetails inexact = describe_element_error(batch->elements[1].error(), 1);
  CHECK(inexact.status == 400);
  CHECK(inexact.field == "[1].output_fields[\"evt.time\"]");
  const ProblemDetails no_object = describe_element_error(batch->elements[2].error(), 2);
  CHECK(no_object.detail == "[2]: expected an object, found number");
  CHECK(describe_element_error(batch->elements[0].error(), std::nullopt).field == "priority");
}
