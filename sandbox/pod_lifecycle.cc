// SPDX-License-Identifier: Apache-2.0
#include "sandbox/pod_lifecycle.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/time.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kStep{20};    ///< from one stage to the next
constexpr milliseconds kRetry{200};  ///< from a failed pull, or a crash, to the next try

void set_ready(json& status, bool ready, const std::string& now) {
  json& conditions = status["conditions"];
  const auto is_ready = [](const json& condition) { return text(condition, {"type"}) == "Ready"; };
  if (std::none_of(conditions.begin(), conditions.end(), is_ready))
    conditions.push_back({{"type", "Ready"}, {"status", "Unknown"}});
  json& condition = *std::find_if(conditions.begin(), conditions.end(), is_ready);
  const char* word = ready ? "True" : "False";
  if (condition["status"] != word) condition["lastTransitionTime"] = now;
  condition["status"] = word;
}

json waiting(const std::string& reason, const std::string& message = "") {
  return {{"waiting", {{"reason", reason}, {"message", message}}}};
}

json new_container_status(const json& container, const std::string& image_id, json state) {
  return {{"name", text(container, {"name"})},
          {"image", text(container, {"image"})},
          {"imageID", image_id},
          {"ready", false},
          {"restartCount", 0},
          {"state", std::move(state)},
          {"lastState", json::object()}};
}

/// The container runs, for the first time or again.
void set_running(json& status, const json& pod, const std::string& now) {
  const std::string restarts = std::to_string(integer(status, {"restartCount"}, 0));
  status["containerID"] =
      "containerd://" + sha256_hex(uid_of(pod) + "/" + text(status, {"name"}) + "/" + restarts);
  status["state"] = {{"running", {{"startedAt", now}}}};
}

/// The container has died once more and waits for its next start.
void set_crashed(json& status, const std::string& now) {
  status["restartCount"] = integer(status, {"restartCount"}, 0) + 1;
  status["lastState"] = {{"terminated", {{"exitCode", 1}, {"reason", "Error"}, {"finishedAt", now}}}};
  status["state"] = waiting("CrashLoopBackOff", "back-off restarting failed container");
}

/// 10.244.x.y: unique as long as there are fewer than 64,000 pods.
std::string address(std::uint32_t number) {
  return "10.244." + std::to_string(number / 250 % 256) + "." + std::to_string(number % 250 + 2);
}

}  // namespace

std::string PodLifecycle::now() const {
  return format_seconds(clock_.now());
}

void PodLifecycle::step() {
  std::map<std::string, Progress> living;
  for (const Object& pod : store_.all(k8s::kPods)) {
    Progress& progress = living[uid_of(*pod)] = progress_[uid_of(*pod)];
    advance(*pod, progress);
  }
  progress_ = std::move(living);
}

MonotonicTime PodLifecycle::next_due() const {
  MonotonicTime due = MonotonicTime::max();
  for (const auto& [uid, progress] : progress_) due = std::min(due, progress.due.value_or(due));
  return due;
}

void PodLifecycle::advance(const json& pod, Progress& progress) {
  if (is_being_deleted(pod) && progress.stage != Stage::kTerminating)
    progress = {Stage::kTerminating, clock_.monotonic() + kStep};
  if (progress.due && clock_.monotonic() < *progress.due) return;
  progress.due.reset();
  switch (progress.stage) {
    case Stage::kUnbound: return bind(pod, progress);
    case Stage::kCreating: return start(pod, progress);
    case Stage::kRunning: return run(pod, progress);
    case Stage::kTerminating:
      (void)store_.remove(k8s::kPods, key_of(pod), {.uid = uid_of(pod), .grace_seconds = 0});
  }
}

void PodLifecycle::write_status(const json& pod, const Edit& change) {
  const Edit edit = [&](json& next) {
    if (uid_of(next) == uid_of(pod)) change(next["status"]);
  };
  (void)store_.edit(k8s::kPods, key_of(pod), edit, {.status = true});
}

void PodLifecycle::bind(const json& pod, Progress& progress) {
  (void)store_.edit(k8s::kPods, key_of(pod), [&](json& next) {
    if (text(next, {"spec", "nodeName"}).empty())
      next["spec"]["nodeName"] = "node-" + std::to_string(bound_ % 3);
  });
  write_status(pod, [&](json& status) {
    status["startTime"] = now();
    status["podIP"] = field(pod, {"spec", "hostNetwork"}) == true ? "192.0.2.1" : address(bound_);
    status["containerStatuses"] = json::array();
    for (const json& container : field(pod, {"spec", "containers"}))
      status["containerStatuses"].push_back(
          new_container_status(container, "", waiting("ContainerCreating")));
    set_ready(status, false, now());
  });
  ++bound_;
  progress = {Stage::kCreating, clock_.monotonic() + kStep};
}

void PodLifecycle::start(const json& pod, Progress& progress) {
  json statuses = json::array();
  bool pulled = true;
  for (const json& container : field(pod, {"spec", "containers"})) {
    const auto image_id = registry_.pull(text(container, {"image"}));
    pulled = pulled && image_id;
    statuses.push_back(
        new_container_status(container, image_id.value_or(""),
                             image_id ? json() : waiting("ImagePullBackOff", image_id.error().to_string())));
    if (image_id) set_running(statuses.back(), pod, now());
  }
  write_status(pod, [&](json& status) {
    status["containerStatuses"] = std::move(statuses);
    if (pulled) status["phase"] = "Running";
  });
  progress = {pulled ? Stage::kRunning : Stage::kCreating, clock_.monotonic() + (pulled ? kStep : kRetry)};
}

void PodLifecycle::run(const json& pod, Progress& progress) {
  const std::string failure = text(pod, {"metadata", "annotations", kFailureAnnotation});
  const bool crashing = failure == "crash-loop";
  const bool ready = !crashing && failure != "never-ready";
  write_status(pod, [&](json& status) {
    for (json& container : status["containerStatuses"]) {
      const bool is_running = !field(container, {"state", "running"}).is_null();
      if (crashing) set_crashed(container, now());
      if (!crashing && !is_running) set_running(container, pod, now());
      container["ready"] = ready;
    }
    set_ready(status, ready, now());
  });
  if (crashing) progress.due = clock_.monotonic() + kRetry;
}

}  // namespace kintsugi::sandbox
