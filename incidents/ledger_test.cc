// SPDX-License-Identifier: Apache-2.0
#include "incidents/ledger.h"

#include <catch2/catch.hpp>

#include "base/time.h"

using namespace kintsugi;
using namespace kintsugi::incidents;

TEST_CASE("a record survives the way to text and back, in few bytes") {
  Incident incident;
  incident.uid = "3f1e2d3c-1111-2222-3333-444455556666";
  incident.name = "inc-0123456789abcdef0123-1";
  incident.spec.target.name_space = "shop";
  incident.spec.origin.source = "falco";
  incident.spec.origin.severity = Severity::kWarning;
  incident.spec.origin.time_was_clamped = true;
  incident.status.severity = Severity::kCritical;
  incident.status.outcome = Outcome::kRecovered;
  const WallTime now = parse_rfc3339("2026-11-21T10:00:00.123456Z").value();
  IncidentTimes& times = incident.status.times;
  times = {now, now, now, now, now, now, now, now};
  const LedgerRecord record = record_of(incident);
  const std::string text = to_text(record);
  CHECK(text.size() < 600);
  const auto read = parse_ledger_record(text);
  REQUIRE(read);
  CHECK(to_text(*read) == text);
  CHECK(read->outcome == Outcome::kRecovered);
  CHECK(read->severity == Severity::kCritical);
  CHECK(read->first_severity == Severity::kWarning);
  CHECK(read->times.recovered == now);
  CHECK(read->time_was_clamped);
}

TEST_CASE("a record that somebody edited is an error, never a guess") {
  const std::string bad = GENERATE("", "[]", "{}", R"({"uid": "u"})", R"({"uid": "u", "severity": "awful"})",
                                   R"({"uid": 1, "severity": "info"})", R"({"severity": "info"})",
                                   R"({"uid": "u", "severity": "info", "closed": "yesterday"})",
                                   R"({"uid": "u", "uid": "v", "severity": "info"})");
  INFO(bad);
  CHECK_FALSE(parse_ledger_record(bad));
}
