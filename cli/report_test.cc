// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/json_text.h"
#include "cli/test_world.h"
#include "incidents/ledger.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

Incident recovered(const std::string& uid, std::chrono::seconds recover, std::chrono::hours ago) {
  Incident incident = waiting_incident();
  incident.uid = uid;
  incident.status.outcome = Outcome::kRecovered;
  IncidentTimes& times = incident.status.times;
  times.detected = kTestNow - ago;
  times.contained = *times.detected + 1s;
  times.recovered = *times.detected + recover;
  times.closed = *times.recovered + 60s;
  return incident;
}

/// Two incidents that exist, one of which is in the ledger as well, and two that only the ledger knows.
struct ReportWorld : TestWorld {
  ReportWorld() {
    const Incident both = recovered("both", 20s, 24h);
    keep_list({recovered("existing", 10s, 48h), both});
    json data;
    for (const Incident& incident :
         {both, recovered("folded", 30s, 72h), recovered("old", 9999s, 24h * 200)}) {
      data[incident.uid] = incidents::to_text(incidents::record_of(incident));
    }
    data["edited"] = "{";
    const json list = {{"kind", "ConfigMapList"},
                       {"apiVersion", "v1"},
                       {"metadata", {{"resourceVersion", "9"}}},
                       {"items", {{{"metadata", {{"name", "kintsugi-ledger"}}}, {"data", data}}}}};
    transport.when("GET", "/api/v1/namespaces/kintsugi-system/configmaps?").respond(200, json_text(list));
  }
};

TEST_CASE("a report counts each incident once, from objects and ledger together") {
  ReportWorld world;
  const json report =
      parse_json(world.run({"report", "--since", "90d", "--by", "severity", "-o", "json"}).out).value();
  const json& all = report["rows"].back();
  CHECK(all["group"] == "all");
  CHECK(all["recoverSeconds"]["n"] == 3);
  CHECK(all["recoverSeconds"]["mean"] == Approx(20));
  CHECK(all["recoverSeconds"]["median"] == Approx(20));
  CHECK(all["containSeconds"]["n"] == 3);
  CHECK(all["band"] == "elite");
  CHECK(world.transport.requests().back().url.find("labelSelector=kintsugi.dev%2Fledger%3Dtrue") !=
        std::string::npos);
}

TEST_CASE("the period is the person's choice") {
  ReportWorld world;
  CHECK(parse_json(world.run({"report", "--since", "30h", "--by", "none", "-o", "json"}).out)
            .value()["rows"][0]["detected"] == 1);
  CHECK(parse_json(world.run({"report", "--since", "300d", "--by", "none", "-o", "json"}).out)
            .value()["rows"][0]["detected"] == 4);
}

TEST_CASE("a report comes in each format") {
  ReportWorld world;
  CHECK(world.run({"report"}).out.find("GROUP") == 0);
  CHECK(world.run({"report", "-o", "csv"}).out.find("group,detected,contain_n") == 0);
  CHECK(world.run({"report", "-o", "markdown"}).out.find("| group |") == 0);
}

TEST_CASE("without the ledger there is no report rather than a wrong one") {
  TestWorld world;
  world.keep_list({});
  world.transport.when("GET", "/api/v1/").respond(403, failure(403, "Forbidden"));
  const Ending ending = world.run({"report"});
  CHECK(ending.code == ExitCode::kError);
  CHECK(ending.out.empty());
  CHECK(ending.err.find("without the ledger") != std::string::npos);
}

}  // namespace
}  // namespace kintsugi::cli
