// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/end_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/document.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json_text.h"
#include "evidence/manifest.h"
#include "model/incident_json.h"
#include "sandbox/resources.h"

namespace kintsugi::faults {
namespace {

using nlohmann::json;

constexpr const char* kQuarantine = "/metadata/labels/kintsugi.dev~1quarantine";
constexpr std::size_t kMaxFileBytes = 16u << 20;

std::string text_at(const json& object, const char* pointer) {
  return object.value(json::json_pointer(pointer), std::string());
}
std::string name_of(const json& object) {
  return text_at(object, "/metadata/name");
}
bool is_quarantined(const json& pod) {
  return text_at(pod, kQuarantine) == "true";
}
bool is_of(const json& pod, const std::string& app) {
  return text_at(pod, "/metadata/labels/app") == app;
}

const json* find_named(const std::vector<json>& objects, const std::string& name) {
  const auto found = std::find_if(objects.begin(), objects.end(),
                                  [&](const json& object) { return name_of(object) == name; });
  return found == objects.end() ? nullptr : &*found;
}

/// What must not change of those that have nothing to do with it.
json lasting(const json& pod) {
  json restarts = json::array();
  for (const json& status : pod.value("/status/containerStatuses"_json_pointer, json::array()))
    restarts.push_back(status.value("restartCount", 0));
  return {{"uid", text_at(pod, "/metadata/uid")},
          {"labels", pod.value("/metadata/labels"_json_pointer, json())},
          {"spec", pod.at("spec")},
          {"restarts", restarts},
          {"going", pod.contains("/metadata/deletionTimestamp"_json_pointer)}};
}

/// Counts the writes that the API server accepted from the controller.
std::size_t count_writes(const std::vector<Call>& calls, const std::string& method,
                         const std::string& path_end, const std::string& body_part) {
  return std::size_t(std::count_if(calls.begin(), calls.end(), [&](const Call& call) {
    return call.succeeded() && call.method == method && call.path.ends_with(path_end) &&
           call.body.find(body_part) != std::string::npos && call.query.find("dryRun") == std::string::npos;
  }));
}

class Inspection {
 public:
  Inspection(const Account& account, const Snapshot& after) : account_(account), after_(after) {}

  std::vector<std::string> problems() {
    inspect_incident();
    inspect_victim();
    inspect_bystanders();
    inspect_service();
    inspect_writes();
    return std::move(problems_);
  }

 private:
  void expect(bool holds, const std::string& what) {
    if (!holds) problems_.push_back(what);
  }

  void inspect_incident() {
    expect(after_.incidents.size() == 1, std::to_string(after_.incidents.size()) + " incidents, not one");
    if (after_.incidents.empty()) return;
    const Incident& incident = after_.incidents.front();
    const Outcome wanted = account_.story.is_false_alarm ? Outcome::kReleased : Outcome::kRecovered;
    expect(incident.status.outcome == wanted,
           "the outcome is '" + std::string(to_string(incident.status.outcome)) + "'");
    for (const auto type : {condition::kContained, condition::kEvidencePreserved, condition::kRedeployed,
                            condition::kRecovered, condition::kClosed})
      expect(is_true(incident.status, type), std::string(type) + " is not True");
    const IncidentTimes& times = incident.status.times;
    expect(times.detected && times.contained && times.evidence_preserved && times.redeployed &&
               times.recovered && times.closed,
           "a time is missing");
    inspect_evidence(incident);
  }

  void inspect_evidence(const Incident& incident) {
    const std::string directory = account_.evidence + "/" + incident.name + "/";
    const auto text = read_file(directory + "manifest.json", kMaxFileBytes);
    expect(text.has_value(), "there is no evidence manifest");
    if (!text) return;
    expect(sha256_hex(*text) == incident.status.evidence_manifest_sha256,
           "the manifest is not the one that the incident names");
    const auto manifest = evidence::parse_manifest(*text);
    expect(manifest && !manifest->files.empty(), "the manifest cannot be read, or names nothing");
    if (!manifest) return;
    for (const evidence::File& file : manifest->files) {
      const auto bytes = read_file(directory + file.path, kMaxFileBytes);
      expect(bytes && sha256_hex(*bytes) == file.sha256,
             "evidence " + file.path + " is not what the manifest says");
    }
  }

  void inspect_victim() {
    const json* before = find_named(account_.before.pods, account_.victim);
    const json* now = find_named(after_.pods, account_.victim);
    expect(now != nullptr, "the victim is gone");
    if (now == nullptr) return;
    expect(text_at(*now, "/metadata/uid") == text_at(*before, "/metadata/uid"), "the victim is another pod");
    expect(!now->contains("/metadata/deletionTimestamp"_json_pointer), "the victim is being deleted");
    const json was = before->value("/metadata/labels"_json_pointer, json::object());
    const json labels = now->value("/metadata/labels"_json_pointer, json::object());
    const std::string undo = text_at(*now, "/metadata/annotations/kintsugi.dev~1undo");
    if (account_.story.is_false_alarm) {
      expect(labels == was, "the victim's labels are " + json_text(labels));
      expect(undo.empty(), "the undo annotation is still there");
      return;
    }
    expect(is_quarantined(*now), "the victim is not in quarantine");
    for (const auto& [key, value] : was.items())
      expect(!labels.contains(key), "the victim still has its label " + key);
    const json parsed = parse_json(undo).value_or(nullptr);
    expect(parsed.is_object() && parsed.value("labels", json()) == was, "the undo annotation is " + undo);
    if (!after_.incidents.empty())
      expect(text_at(*now, "/metadata/annotations/kintsugi.dev~1incident") == after_.incidents.front().name,
             "the victim names another incident");
  }

  /// The neighbour, and the victim's siblings where nothing had to be rolled.
  void inspect_bystanders() {
    for (const json& pod : account_.before.pods) {
      const bool rolls = account_.story.image == ImageName::kTag && is_of(pod, "web");
      if (rolls || name_of(pod) == account_.victim) continue;
      const json* now = find_named(after_.pods, name_of(pod));
      expect(now != nullptr && lasting(*now) == lasting(pod), "bystander " + name_of(pod) + " has changed");
    }
    const json* before = find_named(account_.before.deployments, "neighbour");
    const json* now = find_named(after_.deployments, "neighbour");
    expect(now != nullptr && now->at("spec") == before->at("spec"), "Deployment neighbour has changed");
  }

  void inspect_service() {
    std::size_t serving = 0, quarantined = 0;
    const std::string app = account_.story.is_bare_pod ? kBarePodName : "web";
    for (const json& pod : after_.pods) {
      if (is_quarantined(pod)) ++quarantined;
      if (is_quarantined(pod) || !is_of(pod, app)) continue;
      expect(is_ready(pod), "pod " + name_of(pod) + " is not Ready");
      const std::string image = text_at(pod, "/spec/containers/0/image");
      expect(image.ends_with("@" + account_.digest), "pod " + name_of(pod) + " runs " + image);
      ++serving;
    }
    expect(quarantined == (account_.story.is_false_alarm ? 0 : 1),
           std::to_string(quarantined) + " pods in quarantine");
    expect(serving == (account_.story.is_bare_pod ? 1 : 3), std::to_string(serving) + " pods serve");
    const std::size_t replacements = account_.story.is_false_alarm ? 0 : 1;
    expect(after_.pods.size() == account_.before.pods.size() + replacements,
           std::to_string(after_.pods.size()) + " pods in all");
    inspect_deployment();
  }

  void inspect_deployment() {
    const json& before = *find_named(account_.before.deployments, "web");
    const json& now = *find_named(after_.deployments, "web");
    const auto changes = now.at("/metadata/generation"_json_pointer).get<int>() -
                         before.at("/metadata/generation"_json_pointer).get<int>();
    const int wanted = account_.story.image == ImageName::kTag ? 1 : 0;
    expect(changes == wanted, "Deployment web changed " + std::to_string(changes) + " times");
    const std::string image = text_at(now, "/spec/template/spec/containers/0/image");
    expect(image.ends_with("@" + account_.digest), "the template names " + image);
  }

  std::size_t writes(const std::string& method, const std::string& path_end,
                     const std::string& body_part = "") const {
    return count_writes(account_.calls, method, path_end, body_part);
  }

  void inspect_writes() {
    const std::string releasing = R"({"op":"remove","path":"/metadata/labels/kintsugi.dev~1quarantine")";
    expect(count_isolations(account_.calls, account_.victim) <= 1, "isolated more than once");
    expect(writes("PATCH", "/pods/" + account_.victim, releasing) <= (account_.story.is_false_alarm ? 1 : 0),
           "released more than once");
    expect(writes("PATCH", "/deployments/web") <= (account_.story.image == ImageName::kTag ? 1 : 0),
           "pinned more than once");
    expect(writes("POST", "/pods") <= (account_.story.is_bare_pod ? 1 : 0), "recreated more than once");
    expect(deletions() == 0, "something was deleted");
  }

  std::size_t deletions() const {
    return std::size_t(std::count_if(account_.calls.begin(), account_.calls.end(), [](const Call& call) {
      return call.method == "DELETE" && call.succeeded();
    }));
  }

  const Account& account_;
  const Snapshot& after_;
  std::vector<std::string> problems_;
};

std::vector<json> list(Cluster& cluster, const k8s::Resource& resource, const std::string& name_space) {
  auto listed = cluster.client().list(resource, name_space);
  if (!listed) throw std::runtime_error(listed.error().to_string());
  return std::move(*listed);
}

}  // namespace

Snapshot take_snapshot(Cluster& cluster) {
  Snapshot snapshot;
  snapshot.pods = list(cluster, k8s::kPods, cluster.shop());
  snapshot.deployments = list(cluster, k8s::kDeployments, cluster.shop());
  for (const json& object : list(cluster, sandbox::kIncidents, cluster.system()))
    snapshot.incidents.push_back(stored_incident_from_json(object));
  return snapshot;
}

std::size_t count_isolations(const std::vector<Call>& calls, const std::string& pod) {
  return count_writes(calls, "PATCH", "/pods/" + pod,
                      R"({"op":"add","path":"/metadata/labels/kintsugi.dev~1quarantine")");
}

std::vector<std::string> find_problems(const Account& account, const Snapshot& after) {
  return Inspection(account, after).problems();
}

}  // namespace kintsugi::faults
