// SPDX-License-Identifier: Apache-2.0
//
// Scenario 33: what is measured of incidents outlives their objects, restarts, and old age.
#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/encoding.h"
#include "model/incident_json.h"
#include "scenario.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kAtOnce = 8;

/// The counters and histograms of incidents: "name{labels}" and their values.
using Series = std::map<std::string, double>;

Series read_metrics(ControllerProcess& controller) {
  Series series;
  std::istringstream lines(controller.scrape());
  for (std::string line; std::getline(lines, line);) {
    const bool is_ours = line.starts_with("kintsugi_incident_") ||
                         line.starts_with("kintsugi_incidents_total") ||
                         line.starts_with("kintsugi_incidents_closed_total");
    const std::size_t space = line.rfind(' ');
    if (is_ours) series[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return series;
}

double sum_of(const Series& series, const std::string& name) {
  double sum = 0;
  for (const auto& [key, value] : series) {
    if (key.starts_with(name + "{")) sum += value;
  }
  return sum;
}

/// Which series have fallen or gone.
std::vector<std::string> fallen(const Series& before, const Series& now) {
  std::vector<std::string> names;
  for (const auto& [key, value] : before) {
    const auto found = now.find(key);
    if (found == now.end() || found->second < value - 1e-9) names.push_back(key);
  }
  return names;
}

/// Looks at the metrics of one controller after the other, from their first moment on.
class Watcher {
 public:
  explicit Watcher(double incidents) : incidents_(incidents) {}

  /// Whether the families were there. They must then show all incidents, and nothing less than the last time.
  bool look(ControllerProcess& controller) {
    const Series now = read_metrics(controller);
    if (now.empty()) return false;
    CHECK(sum_of(now, "kintsugi_incidents_total") == incidents_);
    CHECK(sum_of(now, "kintsugi_incidents_closed_total") == incidents_);
    CHECK(fallen(last_, now).empty());
    last_ = now;
    return true;
  }
  const Series& last() const { return last_; }

 private:
  const double incidents_;
  Series last_;
};

/// An incident as the controller leaves it when it closes; in a variety of severities, outcomes, times.
Incident closed_incident(const Scenario& scenario, std::size_t number, const TargetRef& target,
                         WallTime detected) {
  const auto after = [&](double seconds) {
    return detected + std::chrono::microseconds(std::int64_t(seconds * 1e6));
  };
  Incident incident;
  incident.name = incident_name(target, 1);
  incident.name_space = scenario.system();
  incident.spec.target = target;
  Origin& origin = incident.spec.origin;
  origin.source = "falco";
  origin.rule = "Terminal shell in container";
  origin.severity = kSeverities[number % kSeverities.size()];
  origin.detected = origin.received = detected;
  incident.spec.playbook = "breach";
  incident.spec.mode = Mode::kFull;
  IncidentStatus& status = incident.status;
  status.playbook = "breach";
  status.mode = Mode::kFull;
  status.outcome = kOutcomes[number % 3 == 0 ? number % kOutcomes.size() : 0];
  tally_signal(status, origin.source, origin.rule, origin.severity, detected);
  const double contained = 0.02 + double(number % 40) * 0.1, recovered = contained + double(number % 900);
  status.times = {
      std::nullopt,         detected,         after(0.01),          after(contained), after(contained + 1),
      after(contained + 2), after(recovered), after(recovered + 60)};
  for (const auto type :
       {condition::kContained, condition::kRedeployed, condition::kRecovered, condition::kClosed})
    set_condition(incident, type, ConditionStatus::kTrue, "Done", "done", after(recovered));
  add_timeline(status, after(recovered), "controller", "Closed");
  return incident;
}

/// A pod that is gone.
TargetRef gone_target(const Scenario& scenario, std::size_t number) {
  const std::string hash = sha256_hex(scenario.shop() + std::to_string(number));
  return {"Pod", scenario.shop(), "gone-" + std::to_string(number), hash.substr(0, 32)};
}

template <class Work>
void on_threads(std::size_t count, const Work& work) {
  std::vector<std::jthread> threads;
  for (std::size_t first = 0; first < kAtOnce; ++first) {
    threads.emplace_back([&work, first, count] {
      for (std::size_t i = first; i < count; i += kAtOnce) work(i);
    });
  }
}

void store(Scenario& scenario, const std::vector<Incident>& incidents) {
  std::vector<std::string> problems(incidents.size());
  on_threads(incidents.size(), [&](std::size_t i) {
    json object = to_json(incidents[i]);
    const json status = object["status"];
    object.erase("status");
    auto stored = scenario.client().create(kIncidents, scenario.system(), object);
    if (!stored) return void(problems[i] = stored.error().to_string());
    (*stored)["status"] = status;
    auto updated =
        scenario.client().update_status(kIncidents, {scenario.system(), incidents[i].name}, *stored);
    if (!updated) problems[i] = updated.error().to_string();
  });
  for (const std::string& problem : problems) REQUIRE(problem.empty());
}

/// The ledger's ConfigMaps, and of these the keys that are records.
struct LedgerSize {
  std::size_t shards = 0;
  std::size_t records = 0;
  std::size_t totals = 0;
};

LedgerSize ledger_size(Scenario& scenario) {
  k8s::ListParams params;
  params.label_selector = "kintsugi.dev/ledger=true";
  const auto shards = scenario.client().list(k8s::kConfigMaps, scenario.system(), params);
  REQUIRE(shards);
  LedgerSize size;
  size.shards = shards->size();
  for (const json& shard : *shards) {
    for (const auto& [key, text] : shard["data"].items()) ++(key == "totals" ? size.totals : size.records);
  }
  return size;
}

}  // namespace

TEST_CASE("33: the first scrape that shows incidents shows all of them, also deleted ones, and nothing falls",
          "[scenario]") {
  constexpr std::size_t kAll = 500, kDeleted = 250;
  Scenario scenario;
  std::vector<Incident> incidents;
  for (std::size_t i = 0; i < kAll; ++i) {
    const auto age = std::chrono::hours(1) + std::chrono::minutes(i);
    incidents.push_back(closed_incident(scenario, i, gone_target(scenario, i), SystemClock().now() - age));
  }
  store(scenario, incidents);
  Watcher watcher(kAll);

  auto& first = scenario.start();
  scenario.eventually("the families are there", [&] { return watcher.look(first); });
  CHECK(sum_of(watcher.last(), "kintsugi_incident_time_to_contain_seconds_count") == kAll);
  for (std::size_t i = 0; i < kDeleted; ++i) {
    scenario.remove(kIncidents, incidents[i].name);
    if (i % 25 == 0) CHECK(watcher.look(first));
  }
  first.kill();  // in the middle of folding

  for (const bool elects : {false, true}) {
    auto& next = scenario.start(elects);
    scenario.eventually("the families are there", [&] { return watcher.look(next); });
    scenario.eventually(
        "the deleted ones are gone",
        [&] {
          CHECK(watcher.look(next));
          return scenario.incidents().size() == kAll - kDeleted;
        },
        60s);
    next.kill();
  }
  CHECK(ledger_size(scenario).records == kDeleted);
  CHECK(ledger_size(scenario).totals == 0);
}

TEST_CASE("33: old incidents are deleted, their records become totals, and nothing falls", "[scenario]") {
  constexpr std::size_t kOld = 50, kYoung = 20;
  Scenario scenario;
  scenario.open_shop();
  const json pod = scenario.pods_of("web").at(0);
  const WallTime now = SystemClock().now();
  std::vector<Incident> incidents;
  for (std::size_t i = 0; i < kOld + kYoung; ++i) {
    const auto age = i < kOld ? std::chrono::days(100) : std::chrono::days(80);
    incidents.push_back(closed_incident(scenario, i, gone_target(scenario, i), now - age));
  }
  const TargetRef present{"Pod", scenario.shop(), name_of(pod), uid_of(pod)};
  incidents.push_back(closed_incident(scenario, 0, present, now - std::chrono::days(200)));
  store(scenario, incidents);
  Watcher watcher(double(incidents.size()));

  auto& first = scenario.start();
  scenario.eventually("the families are there", [&] { return watcher.look(first); });
  scenario.eventually(
      "old incidents are gone",
      [&] {
        CHECK(watcher.look(first));
        return scenario.incidents().size() == kYoung + 1;
      },
      60s);
  CHECK_FALSE(scenario.incident(incidents.back().name).is_null());
  first.stop();

  auto& second = scenario.start();
  scenario.eventually("the families are there", [&] { return watcher.look(second); });
  scenario.eventually(
      "old records are totals",
      [&] {
        CHECK(watcher.look(second));
        const LedgerSize size = ledger_size(scenario);
        return size.records == 0 && size.totals == size.shards && size.shards <= 16;
      },
      60s);
  second.stop();

  auto& third = scenario.start();
  scenario.eventually("the families are there", [&] { return watcher.look(third); });
  scenario.holds_for(4s, "nothing falls", [&] { return watcher.look(third); });
  CHECK(scenario.incidents().size() == kYoung + 1);
}

}  // namespace kintsugi::scenarios
