// SPDX-License-Identifier: Apache-2.0
#include "targets/isolation/pod_facts.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "targets/isolation/api_field.h"

namespace kintsugi::isolation {
namespace {

constexpr std::string_view kNetworksAnnotation = "k8s.v1.cni.cncf.io/networks";

/// What stands in a volume besides its source, and the sources that are the pod's own or that nobody writes
/// through.
constexpr std::array<std::string_view, 9> kUnshared{
    "name", "configMap", "downwardAPI", "emptyDir", "ephemeral", "gitRepo", "image", "projected", "secret"};

std::string_view trim(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\n") - start + 1);
}

/// The JSON form of the annotation: a list of {name, namespace, interface}. An entry without a readable name
/// still stands for a network.
std::vector<std::string> networks_from_list(const Node& list) {
  const auto text = [](const Node& entry, std::string_view key) {
    const Node* value = entry.find(key);
    return value != nullptr ? value->text : std::string();
  };
  std::vector<std::string> networks;
  for (const Node& entry : list.items) {
    const std::string name = text(entry, "name");
    const std::string name_space = text(entry, "namespace");
    networks.push_back((name_space.empty() ? "" : name_space + "/") + (name.empty() ? "unnamed" : name));
  }
  return networks;
}

/// The value of the annotation, in its JSON form or its short one: "storage,ops/backup@eth2".
std::vector<std::string> read_networks(std::string_view annotation) {
  annotation = trim(annotation);
  if (annotation.starts_with('[')) {
    const auto list = parse_json_document(annotation);
    return list ? networks_from_list(*list) : std::vector<std::string>{"unreadable annotation"};
  }
  std::vector<std::string> networks;
  while (!annotation.empty()) {
    const std::size_t comma = std::min(annotation.find(','), annotation.size());
    if (const auto name = trim(annotation.substr(0, comma)); !name.empty()) networks.emplace_back(name);
    annotation.remove_prefix(std::min(comma + 1, annotation.size()));
  }
  return networks;
}

std::set<std::string> terminated_init_containers(const ApiField& status) {
  std::set<std::string> names;
  for (const ApiField& container : status.member("initContainerStatuses").items()) {
    if (container.member("state").member("terminated").present())
      names.insert(container.member("name").text());
  }
  return names;
}

std::vector<std::string> privileged_containers(const ApiField& spec,
                                               const std::set<std::string>& terminated) {
  std::vector<std::string> names;
  for (const std::string_view key : {"containers", "initContainers", "ephemeralContainers"}) {
    for (const ApiField& container : spec.member(key).items()) {
      const std::string name = container.member("name").text();
      const bool privileged = container.member("securityContext").member("privileged").boolean();
      if (privileged && !terminated.contains(name)) names.push_back(name);
    }
  }
  return names;
}

/// The source of a volume is the one member beside its name.
bool is_shared(const ApiField& volume) {
  const auto shares = [&](const std::string& key) {
    return std::find(kUnshared.begin(), kUnshared.end(), key) == kUnshared.end() &&
           !volume.member(key).member("readOnly").boolean();
  };
  const std::vector<std::string> keys = volume.keys();
  return std::any_of(keys.begin(), keys.end(), shares);
}

bool projects_token(const ApiField& volume) {
  const std::vector<ApiField> sources = volume.member("projected").member("sources").items();
  return std::any_of(sources.begin(), sources.end(),
                     [](const ApiField& source) { return source.member("serviceAccountToken").present(); });
}

void read_volumes(const ApiField& volumes, PodFacts& facts) {
  for (const ApiField& volume : volumes.items()) {
    const ApiField host_path = volume.member("hostPath");
    if (host_path.present()) {
      facts.host_paths.push_back(host_path.member("path").text());
    } else if (is_shared(volume)) {
      facts.shared_volumes.push_back(volume.member("name").text());
    }
    if (projects_token(volume)) facts.service_account_token = true;
  }
}

}  // namespace

Result<PodFacts> read_pod_facts(const Node& pod) {
  if (pod.kind != Node::Kind::kObject) {
    return fail(ErrorCode::kInvalidInput, "a pod is an object, not " + std::string(kind_name(pod.kind)));
  }
  std::optional<Error> error;
  const ApiField root(pod, error);
  const ApiField metadata = root.member("metadata");
  const ApiField spec = root.member("spec");
  PodFacts facts;
  facts.host_network = spec.member("hostNetwork").boolean();
  facts.host_pid = spec.member("hostPID").boolean();
  facts.privileged_containers =
      privileged_containers(spec, terminated_init_containers(root.member("status")));
  facts.secondary_networks = read_networks(metadata.member("annotations").member(kNetworksAnnotation).text());
  read_volumes(spec.member("volumes"), facts);
  const bool is_template = metadata.member("uid").text().empty();
  const bool automounts = spec.member("automountServiceAccountToken").boolean(true);
  if (is_template && automounts) facts.service_account_token = true;
  if (error) return fail(*std::move(error));
  return facts;
}

}  // namespace kintsugi::isolation
