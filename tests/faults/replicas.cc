// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/replicas.h"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "base/json_text.h"
#include "tests/faults/inputs.h"

namespace kintsugi::faults {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::steady_clock;

constexpr auto kPause = 10ms;
constexpr auto kStartPatience = 20s;
/// Longer than the controllers' own delays, except for the lease's.
constexpr auto kQuiet = 250ms;

template <class IsSo>
bool wait_until(const IsSo& is_so, std::chrono::milliseconds patience) {
  const auto deadline = steady_clock::now() + patience;
  while (!is_so()) {
    if (steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

}  // namespace

Replicas::Replicas(Cluster& cluster)
    : cluster_(cluster),
      home_(cluster, kPreparedTemplate),
      leader_(cluster, home_, "leader", /*elects_leader=*/true),
      follower_(cluster, home_, "follower", /*elects_leader=*/true) {
  cluster_.seed(kPreparedTemplate.image);
  const bool leads = leader_.start() && leader_.process()->wait_logged("Leading", kStartPatience);
  if (!leads || !follower_.start()) throw std::runtime_error("the replicas do not start\n" + log());
  leader_.proxy().wait_quiet(kQuiet, kStartPatience);
  follower_.proxy().wait_quiet(kQuiet, kStartPatience);
  before_ = take_snapshot(cluster_);
  leader_.proxy().begin();
  follower_.proxy().begin();
}

std::vector<std::string> Replicas::pods_of(const std::string& app) const {
  std::vector<std::string> names;
  for (const json& pod : before_.pods) {
    if (pod.at("/metadata/labels/app"_json_pointer) == app)
      names.push_back(pod.at("/metadata/name"_json_pointer));
  }
  return names;
}

std::string Replicas::event_about(const std::string& pod) const {
  return falco_event(cluster_.shop(), pod);
}

std::optional<steady_clock::time_point> Replicas::wait_isolated(const std::string& pod,
                                                                std::chrono::milliseconds patience) {
  const auto is_isolated = [&] {
    const auto live = cluster_.client().get(k8s::kPods, {cluster_.shop(), pod});
    return live && live->contains("/metadata/labels/kintsugi.dev~1quarantine"_json_pointer);
  };
  if (!wait_until(is_isolated, patience)) return std::nullopt;
  return steady_clock::now();
}

std::optional<Incident> Replicas::incident_of(const std::string& pod) {
  for (Incident& incident : take_snapshot(cluster_).incidents) {
    if (incident.spec.target.name == pod) return std::move(incident);
  }
  return std::nullopt;
}

bool Replicas::wait_incident(const std::string& pod, const std::function<bool(const Incident&)>& is_so,
                             std::chrono::milliseconds patience) {
  return wait_until(
      [&] {
        const auto incident = incident_of(pod);
        return incident && is_so(*incident);
      },
      patience);
}

bool Replicas::write_fencing_token(const std::string& pod, std::int64_t token) {
  const json patch = {{{"op", "add"}, {"path", "/status/fencingToken"}, {"value", token}}};
  const auto incident = incident_of(pod);
  return incident && !incident->is_over() &&
         cluster_.client().patch_text(sandbox::kIncidents, {cluster_.system(), incident->name},
                                      json_text(patch), "status");
}

std::vector<std::string> Replicas::find_problems_with(const std::string& victim,
                                                      std::chrono::milliseconds patience) {
  std::vector<std::string> problems;
  const auto is_good = [&] {
    const Account account{kPreparedTemplate, before_, victim, cluster_.digest(), home_.evidence(), calls()};
    problems = find_problems(account, take_snapshot(cluster_));
    return problems.empty();
  };
  wait_until(is_good, patience);
  return problems;
}

std::vector<Call> Replicas::calls() const {
  std::vector<Call> all = leader_.proxy().calls();
  for (Call& call : follower_.proxy().calls()) all.push_back(std::move(call));
  return all;
}

std::string Replicas::log() const {
  std::string text;
  for (const auto& [name, replica] : {std::pair("leader", &leader_), std::pair("follower", &follower_)}) {
    text += std::string("--- the first ") + name + "\n";
    for (const Call& call : replica->proxy().calls()) text += call.to_string() + "\n";
    text += replica->log();
  }
  return text;
}

}  // namespace kintsugi::faults
