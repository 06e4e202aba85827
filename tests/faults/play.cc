// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/play.h"

#include <nlohmann/json.hpp>
#include <thread>

#include "base/time.h"
#include "k8s-client/core/patch.h"
#include "sandbox/resources.h"
#include "tests/faults/end_state.h"
#include "tests/faults/inputs.h"
#include "tests/faults/replica.h"

namespace kintsugi::faults {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::steady_clock;

constexpr auto kPause = 25ms;
constexpr auto kStartPatience = 20s;
/// As long as this nothing may happen before the story is taken to be over: longer than the controller's own
/// delays.
constexpr auto kQuiet = 250ms;
/// A person's order takes effect this long after the incident's creation, whose time has whole seconds.
constexpr auto kPersonGrace = 4s;
constexpr auto kSettle = 3s;

class Player {
 public:
  Player(Cluster& cluster, const Story& story, const PlayOptions& options)
      : cluster_(cluster),
        story_(story),
        options_(options),
        home_(cluster, story),
        replica_(cluster, home_, "only", /*elects_leader=*/false),
        deadline_(steady_clock::now() + options.patience) {}

  Ending play() {
    prepare();
    start();
    replica_.proxy().wait_quiet(kQuiet, kStartPatience);
    if (!story_.is_false_alarm) begin();
    bool done = drive([this] { return is_over_or_back(); });
    if (done && story_.is_false_alarm) {
      begin();
      order_release();
      done = drive([this] { return is_over(); });
    }
    return finish(done);
  }

 private:
  void prepare() {
    cluster_.seed(story_.image);
    if (story_.is_bare_pod) cluster_.add_bare_pod(kBarePodName);
    before_ = take_snapshot(cluster_);
    victim_ =
        cluster_.pods(story_.is_bare_pod ? kBarePodName : "web").front().at("/metadata/name"_json_pointer);
    event_ = falco_event(cluster_.shop(), victim_);
    // The replacement is told from its siblings by its age, and creation times have whole seconds.
    if (story_.is_false_alarm) std::this_thread::sleep_for(1s);
    replica_.proxy().end_watches_after(options_.watch_age);
  }

  void start() {
    const auto begun = steady_clock::now();
    ++ending_.lives;
    if (!replica_.start()) return;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begun);
    ending_.slowest_start = std::max(ending_.slowest_start, took);
  }

  /// From here on calls count and faults happen.
  void begin() {
    std::vector<Rule> rules = options_.rules;
    if (const auto& point = options_.kill_point) {
      Rule rule;
      rule.fault.kind = point->after ? Fault::Kind::kCutAfter : Fault::Kind::kCutBefore;
      rule.number = point->number;
      rule.most = 1;
      rule.hook = [process = replica_.process()](const Call&) { process->kill(); };
      rules.insert(rules.begin(), std::move(rule));
    }
    replica_.proxy().begin(std::move(rules), options_.seed);
    begun_ = steady_clock::now();
    if (!options_.kill_after) return;
    killer_ = std::jthread([process = replica_.process(), when = *options_.kill_after] {
      std::this_thread::sleep_for(when);
      process->kill();
    });
  }

  /// Plays on until `reached` and all is quiet. False: out of time.
  template <class Reached>
  bool drive(const Reached& reached) {
    while (steady_clock::now() < deadline_) {
      if (!replica_.process()->is_running()) {
        start();
      } else if (!answer_.accepted()) {
        answer_ = replica_.send(event_);
      } else if (reached() && replica_.proxy().wait_quiet(kQuiet, 1s) && replica_.process()->is_running()) {
        return true;
      }
      std::this_thread::sleep_for(kPause);
    }
    return false;
  }

  std::optional<Incident> incident() {
    const auto incidents = take_snapshot(cluster_).incidents;
    return incidents.empty() ? std::nullopt : std::optional(incidents.front());
  }
  bool is_over() {
    const auto now = incident();
    return now && now->is_over();
  }
  bool is_over_or_back() {
    if (!story_.is_false_alarm) return is_over();
    const auto now = incident();
    return now && is_true(now->status, condition::kRecovered) &&
           SystemClock().now() > now->created + kPersonGrace;
  }

  void order_release() {
    k8s::JsonPatch patch;
    patch.add("/spec/release", {{"victim", "restore"},
                                {"by", "alice"},
                                {"reason", "a drill"},
                                {"time", format_micros(SystemClock().now())}});
    (void)cluster_.client().patch(sandbox::kIncidents, {cluster_.system(), incident()->name}, patch);
  }

  Ending finish(bool done) {
    ending_.took = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begun_);
    Account account{story_, before_, victim_, cluster_.digest(), home_.evidence(), {}};
    const auto settled = steady_clock::now() + kSettle;
    do {
      account.calls = replica_.proxy().calls();
      ending_.problems = find_problems(account, take_snapshot(cluster_));
      if (!ending_.problems.empty()) std::this_thread::sleep_for(kPause);
    } while (!ending_.problems.empty() && steady_clock::now() < settled);
    if (!done) ending_.problems.push_back("not over in time; the signal was answered " + answer_.to_string());
    if (killer_.joinable()) killer_.join();
    replica_.process()->kill();
    ending_.log = replica_.log();
    ending_.calls = std::move(account.calls);
    return std::move(ending_);
  }

  Cluster& cluster_;
  const Story& story_;
  const PlayOptions& options_;
  const Home home_;
  Replica replica_;
  const steady_clock::time_point deadline_;
  steady_clock::time_point begun_;
  Snapshot before_;
  std::string victim_;
  std::string event_;
  Answer answer_;
  std::jthread killer_;
  Ending ending_;
};

}  // namespace

std::string Ending::to_string() const {
  std::string text = std::to_string(lives) + " lives, " + std::to_string(took.count()) + " ms\n";
  for (const std::string& problem : problems) text += "problem: " + problem + "\n";
  for (const Call& call : calls) text += call.to_string() + "\n";
  return text + log;
}

Ending play(Cluster& cluster, const Story& story, const PlayOptions& options) {
  return Player(cluster, story, options).play();
}

}  // namespace kintsugi::faults
