// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/inputs.h"

#include <nlohmann/json.hpp>

#include "base/time.h"

namespace kintsugi::faults {

using nlohmann::json;

std::string playbook_text(const Story& story) {
  const std::string redeploy =
      std::string("{trustPolicy: release-images") + (story.is_bare_pod ? ", recreate: true}" : "}");
  const std::string quiet = story.is_false_alarm ? "600" : "1";
  return "apiVersion: kintsugi.dev/v1alpha1\n"
         "kind: Playbook\n"
         "metadata: {name: shell-in-container}\n"
         "spec:\n"
         "  signals: [{source: falco, rules: [Terminal shell in container]}]\n"
         "  mode: full\n"
         "  targets: {namespaceSelector: {matchLabels: {kintsugi.dev/protected: \"true\"}}}\n"
         "  steps:\n"
         "    - contain: {}\n"
         "    - collect: {logs: true, processes: true, sockets: true, events: true, deadlineSeconds: 1}\n"
         "    - redeploy: " +
         redeploy + "\n    - verify: {readySeconds: 20, quietSeconds: " + quiet + "}\n";
}

std::string trust_policy_text(const Cluster& cluster) {
  const json policy{{"apiVersion", "kintsugi.dev/v1alpha1"},
                    {"kind", "TrustPolicy"},
                    {"metadata", {{"name", "release-images"}}},
                    {"spec",
                     {{"images", json::array({cluster.image_prefix() + "**"})},
                      {"authorities", json::array({{{"key", {{"inline", cluster.public_key()}}}}})}}}};
  return policy.dump();  // JSON is YAML
}

std::string falco_event(const std::string& name_space, const std::string& pod) {
  return json({{"rule", "Terminal shell in container"},
               {"priority", "Critical"},
               {"source", "syscall"},
               {"time", format_micros(SystemClock().now())},
               {"output", "a shell was spawned in a container with an attached terminal"},
               {"output_fields", {{"k8s.ns.name", name_space}, {"k8s.pod.name", pod}}}})
      .dump();
}

}  // namespace kintsugi::faults
