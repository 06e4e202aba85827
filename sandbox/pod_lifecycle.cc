// SPDX-License-Identifier: Apache-2.0
#include "sandbox/pod_lifecycle.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/time.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

/// The last part of the repository: "web" of "registry:5000/shop/web:1.2@sha256:…".
std::string short_name(const std::string& image) {
  std::string name = image.substr(image.rfind('/') + 1);
  return name.substr(0, name.find_first_of(":@"));
}

bool fails_with(const json& pod, const std::string& failure) {
  if (text(pod, {"metadata", "annotations", kFailureAnnotation}) == failure) return true;
  const json& containers = field(pod, {"spec", "containers"});
  return std::any_of(containers.begin(), containers.end(), [&](const json& container) {
    return short_name(text(container, {"image"})) == failure;
  });
}

void set_ready(json& status, bool ready, const std::string& now) {
  const std::string reason = ready ? "" : "ContainersNotReady";
  set_condition(status["conditions"], "Ready", ready, now, reason);
  set_condition(status["conditions"], "ContainersReady", ready, now, reason);
}

json waiting_status(const json& container, const std::string& reason, const std::string& message) {
  json waiting{{"reason", reason}};
  if (!message.empty()) waiting["message"] = message;
  return {{"name", text(container, {"name"})},
          {"image", text(container, {"image"})},
          {"imageID", ""},
          {"ready", false},
          {"restartCount", 0},
          {"state", {{"waiting", std::move(waiting)}}},
          {"lastState", json::object()}};
}

std::string container_id(const json& pod, const std::string& container, std::int64_t restarts) {
  return "containerd://" + sha256_hex(uid_of(pod) + "/" + container + "/" + std::to_string(restarts));
}

json running_status(const json& pod, const json& container, const std::string& image_id,
                    const std::string& now) {
  const std::string name = text(container, {"name"});
  return {{"name", name},
          {"image", text(container, {"image"})},
          {"imageID", image_id},
          {"containerID", container_id(pod, name, 0)},
          {"ready", false},
          {"started", true},
          {"restartCount", 0},
          {"state", {{"running", {{"startedAt", now}}}}},
          {"lastState", json::object()}};
}

/// The container has died once more and waits for its next start.
void crash(json& container_status, const std::string& now) {
  container_status["restartCount"] = integer(container_status, {"restartCount"}, 0) + 1;
  container_status["ready"] = false;
  container_status["started"] = false;
  container_status["lastState"] = {{"terminated",
                                    {{"exitCode", 1},
                                     {"reason", "Error"},
                                     {"finishedAt", now},
                                     {"containerID", text(container_status, {"containerID"})}}}};
  container_status["state"] = {
      {"waiting", {{"reason", "CrashLoopBackOff"}, {"message", "back-off restarting failed container"}}}};
}

void restart(const json& pod, json& container_status, const std::string& now) {
  if (!field(container_status, {"state", "running"}).is_null()) return;
  container_status["containerID"] =
      container_id(pod, text(container_status, {"name"}), integer(container_status, {"restartCount"}, 0));
  container_status["state"] = {{"running", {{"startedAt", now}}}};
  container_status["started"] = true;
}

/// 10.244.<node>.<n>: unique as long as there are fewer than 65,000 pods.
std::string address(std::uint32_t number) {
  return "10.244." + std::to_string(number / 250 % 256) + "." + std::to_string(number % 250 + 2);
}

}  // namespace

PodLifecycle::PodLifecycle(ObjectStore& store, const Clock& clock, const ImageSource& images,
                           PodTimings timings)
    : store_(store), clock_(clock), images_(images), timings_(timings) {}

std::string PodLifecycle::now() const {
  return format_seconds(clock_.now());
}

void PodLifecycle::step() {
  ++pass_;
  for (const Object& pod : store_.all(k8s::kPods)) {
    Progress& progress = progress_[uid_of(*pod)];
    progress.pass = pass_;
    advance(pod, progress);
  }
  std::erase_if(progress_, [&](const auto& entry) { return entry.second.pass != pass_; });
}

MonotonicTime PodLifecycle::next_due() const {
  MonotonicTime due = MonotonicTime::max();
  for (const auto& [uid, progress] : progress_) due = std::min(due, progress.due);
  return due;
}

void PodLifecycle::advance(const Object& pod, Progress& progress) {
  const std::string phase = text(*pod, {"status", "phase"});
  if (is_being_deleted(*pod)) return terminate(*pod, progress);
  if (phase == "Succeeded" || phase == "Failed") {
    progress.due = MonotonicTime::max();
    return;
  }
  switch (progress.stage) {
    case Stage::kUnbound: return bind(*pod, progress);
    case Stage::kCreating: return start(*pod, progress);
    case Stage::kRunning: return run(*pod, progress);
    case Stage::kTerminating: return;
  }
}

void PodLifecycle::write_status(const json& pod, const std::function<void(json& status)>& change) {
  (void)store_.edit(k8s::kPods, key_of(pod),
                    [&](json& next) -> std::optional<Refusal> {
                      if (uid_of(next) != uid_of(pod)) return modified(info_of(k8s::kPods), name_of(pod));
                      change(next["status"]);
                      return std::nullopt;
                    },
                    {.status = true});
}

void PodLifecycle::bind(const json& pod, Progress& progress) {
  const std::vector<Object> nodes = store_.all(k8s::kNodes);
  if (nodes.empty()) {
    progress.due = MonotonicTime::max();
    return write_status(pod, [&](json& status) {
      set_condition(status["conditions"], "PodScheduled", false, now(), "Unschedulable",
                    "no nodes available");
    });
  }
  const Object& node = nodes[bound_ % nodes.size()];
  (void)store_.edit(k8s::kPods, key_of(pod), [&](json& next) {
    if (text(next, {"spec", "nodeName"}).empty()) next["spec"]["nodeName"] = name_of(*node);
    return std::nullopt;
  });
  const std::string ip = flag(pod, {"spec", "hostNetwork"}) ? "192.0.2.1" : address(bound_);
  ++bound_;
  write_status(pod, [&](json& status) {
    status["startTime"] = now();
    status["hostIP"] = "192.0.2.1";
    status["podIP"] = ip;
    status["podIPs"] = json::array({{{"ip", ip}}});
    set_condition(status["conditions"], "PodScheduled", true, now());
    set_condition(status["conditions"], "Initialized", true, now());
    set_ready(status, false, now());
    status["containerStatuses"] = json::array();
    for (const auto& container : field(pod, {"spec", "containers"}))
      status["containerStatuses"].push_back(waiting_status(container, "ContainerCreating", ""));
  });
  progress = {Stage::kCreating, clock_.monotonic() + timings_.start, pass_};
}

void PodLifecycle::start(const json& pod, Progress& progress) {
  if (clock_.monotonic() < progress.due) return;
  json statuses = json::array();
  bool pulled = true;
  for (const auto& container : field(pod, {"spec", "containers"})) {
    const auto image_id = fails_with(pod, "image-pull")
                              ? Result<std::string>(fail(ErrorCode::kNotFound, "pull access denied"))
                              : images_.pull(text(container, {"image"}));
    pulled = pulled && image_id;
    statuses.push_back(image_id
                           ? running_status(pod, container, *image_id, now())
                           : waiting_status(container, "ImagePullBackOff", image_id.error().to_string()));
  }
  write_status(pod, [&](json& status) {
    status["containerStatuses"] = std::move(statuses);
    if (pulled) status["phase"] = "Running";
  });
  progress.due = clock_.monotonic() + (pulled ? timings_.ready : timings_.retry);
  if (pulled) progress.stage = Stage::kRunning;
}

void PodLifecycle::run(const json& pod, Progress& progress) {
  const bool crashing = fails_with(pod, "crash-loop");
  if (clock_.monotonic() < progress.due && progress.due != MonotonicTime::max()) return;
  const bool ready = !crashing && !fails_with(pod, "never-ready");
  write_status(pod, [&](json& status) {
    for (json& container : status["containerStatuses"]) {
      if (crashing) {
        crash(container, now());
      } else {
        restart(pod, container, now());
        container["ready"] = ready;
      }
    }
    set_ready(status, ready, now());
  });
  progress.due = crashing ? clock_.monotonic() + timings_.retry : MonotonicTime::max();
}

void PodLifecycle::terminate(const json& pod, Progress& progress) {
  if (progress.stage != Stage::kTerminating) {
    const std::chrono::seconds grace(integer(pod, {"metadata", "deletionGracePeriodSeconds"}, 0));
    const auto wait = std::min<std::chrono::nanoseconds>(grace, timings_.terminate);
    progress = {Stage::kTerminating, clock_.monotonic() + wait, pass_};
  }
  if (clock_.monotonic() < progress.due) return;
  progress.due = MonotonicTime::max();
  (void)store_.remove(k8s::kPods, key_of(pod), {.uid = uid_of(pod), .grace_seconds = 0});
}

}  // namespace kintsugi::sandbox
