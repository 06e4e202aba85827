// SPDX-License-Identifier: Apache-2.0
#include "tests/support/objects.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/time.h"

namespace kintsugi::support {

using nlohmann::json;

namespace {

const json kNone;

const json& at(const json& object, const char* pointer) {
  const json::json_pointer path(pointer);
  return object.contains(path) ? object.at(path) : kNone;
}

std::string text_at(const json& object, const char* pointer) {
  const json& value = at(object, pointer);
  return value.is_string() ? value.get<std::string>() : "";
}

json pod_template(const std::string& name, const std::string& image) {
  const json container{
      {"name", name},
      {"image", image},
      {"ports", json::array({{{"name", "http"}, {"containerPort", 8080}, {"protocol", "TCP"}}})}};
  return {{"metadata", {{"labels", {{"app", name}}}}}, {"spec", {{"containers", json::array({container})}}}};
}

std::string indented(const std::string& text, const std::string& indent) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) out += indent + line + "\n";
  return out;
}

}  // namespace

json deployment(const std::string& name, const std::string& image, int replicas) {
  const json labels{{"app", name}};
  return {{"metadata", {{"name", name}, {"labels", labels}}},
          {"spec",
           {{"replicas", replicas},
            {"selector", {{"matchLabels", labels}}},
            {"template", pod_template(name, image)}}}};
}

json bare_pod(const std::string& name, const std::string& image) {
  json pod = pod_template(name, image);
  pod["metadata"]["name"] = name;
  return pod;
}

json service(const std::string& name) {
  return {{"metadata", {{"name", name}}},
          {"spec",
           {{"selector", {{"app", name}}},
            {"ports", json::array({{{"name", "http"}, {"port", 80}, {"targetPort", "http"}}})}}}};
}

json network_policy(const std::string& name, const std::string& spec) {
  return {{"metadata", {{"name", name}}}, {"spec", json::parse(spec)}};
}

std::string PlaybookText::to_yaml() const {
  std::string text =
      "apiVersion: kintsugi.dev/v1alpha1\n"
      "kind: Playbook\n"
      "metadata: {name: " +
      name +
      "}\n"
      "spec:\n"
      "  signals: [{source: falco, rules: [\"" +
      rule +
      "\"]}]\n"
      "  mode: " +
      mode +
      "\n"
      "  targets: " +
      targets +
      "\n"
      "  guards: " +
      guards +
      "\n"
      "  steps:\n";
  const std::pair<const char*, const std::string*> steps[] = {{"contain", &contain},
                                                              {"collect", &collect},
                                                              {"redeploy", &redeploy},
                                                              {"verify", &verify},
                                                              {"release", &release}};
  for (const auto& [verb, arguments] : steps)
    if (!arguments->empty()) text += std::string("    - ") + verb + ": " + *arguments + "\n";
  return text;
}

std::string trust_policy_text(const std::string& name, const std::string& glob, const std::string& key) {
  return "apiVersion: kintsugi.dev/v1alpha1\n"
         "kind: TrustPolicy\n"
         "metadata: {name: " +
         name +
         "}\n"
         "spec:\n"
         "  images: [\"" +
         glob +
         "\"]\n"
         "  authorities:\n"
         "    - key:\n"
         "        inline: |\n" +
         indented(key, "          ");
}

json falco_event(const json& pod, std::chrono::nanoseconds ago) {
  const WallTime time = SystemClock().now() - ago;
  json fields{{"k8s.ns.name", pod["metadata"]["namespace"]},
              {"k8s.pod.name", name_of(pod)},
              {"k8s.pod.uid", uid_of(pod)},
              {"evt.time", time.time_since_epoch().count()},
              {"proc.cmdline", "bash"}};
  const std::string id = text_at(pod, "/status/containerStatuses/0/containerID");
  if (const std::size_t scheme = id.find("://"); scheme != std::string::npos)
    fields["container.id"] = id.substr(scheme + 3, 12);
  return {{"hostname", "node-0"},
          {"output", "A shell was spawned in a container"},
          {"output_fields", fields},
          {"priority", "Warning"},
          {"rule", "Terminal shell in container"},
          {"source", "syscall"},
          {"tags", {"container", "shell"}},
          {"time", format_micros(time)}};
}

std::string name_of(const json& object) {
  return text_at(object, "/metadata/name");
}

std::string uid_of(const json& object) {
  return text_at(object, "/metadata/uid");
}

json labels_of(const json& object) {
  const json& labels = at(object, "/metadata/labels");
  return labels.is_null() ? json::object() : labels;
}

json annotations_of(const json& object) {
  const json& annotations = at(object, "/metadata/annotations");
  return annotations.is_null() ? json::object() : annotations;
}

bool is_ready(const json& pod) {
  const json& conditions = at(pod, "/status/conditions");
  return std::any_of(conditions.begin(), conditions.end(), [](const json& condition) {
    return condition["type"] == "Ready" && condition["status"] == "True";
  });
}

bool is_being_deleted(const json& object) {
  return at(object, "/metadata").contains("deletionTimestamp");
}

bool is_quarantined(const json& pod) {
  return labels_of(pod).value("kintsugi.dev/quarantine", "") == "true";
}

json identity_of(const json& pod) {
  json restarts = json::array();
  for (const json& status : at(pod, "/status/containerStatuses")) restarts.push_back(status["restartCount"]);
  return {{"name", name_of(pod)},
          {"uid", uid_of(pod)},
          {"labels", labels_of(pod)},
          {"annotations", annotations_of(pod)},
          {"owners", at(pod, "/metadata/ownerReferences")},
          {"spec", at(pod, "/spec")},
          {"restarts", restarts}};
}

json condition_of(const json& incident, const std::string& type) {
  for (const json& condition : at(incident, "/status/conditions"))
    if (condition["type"] == type) return condition;
  return nullptr;
}

std::string condition_status(const json& incident, const std::string& type) {
  return text_at(condition_of(incident, type), "/status");
}

std::string condition_reason(const json& incident, const std::string& type) {
  return text_at(condition_of(incident, type), "/reason");
}

std::string condition_message(const json& incident, const std::string& type) {
  return text_at(condition_of(incident, type), "/message");
}

std::string status_text(const json& incident, const std::string& key) {
  return text_at(incident, ("/status/" + key).c_str());
}

std::optional<WallTime> time_of(const json& incident, const std::string& key) {
  const auto time = parse_rfc3339(text_at(incident, ("/status/times/" + key).c_str()));
  return time ? std::optional(*time) : std::nullopt;
}

std::size_t count_in_timeline(const json& incident, const std::string& text) {
  const json& timeline = at(incident, "/status/timeline");
  return std::size_t(std::count_if(timeline.begin(), timeline.end(), [&](const json& entry) {
    return entry["message"].get<std::string>().find(text) != std::string::npos;
  }));
}

std::vector<std::string> journal_ids(const json& incident, const std::string& state) {
  std::vector<std::string> ids;
  for (const json& entry : at(incident, "/status/journal"))
    if (entry["state"] == state) ids.push_back(entry["id"]);
  return ids;
}

}  // namespace kintsugi::support
