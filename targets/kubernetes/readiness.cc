// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/readiness.h"

#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/kubernetes_name.h"
#include "base/node_text.h"
#include "base/time.h"

namespace kintsugi::targets {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxKeyBytes = 253;
constexpr std::string_view kMachinePrefix = "vm_";

bool is_set(const Node& entry, std::string_view member) {
  const Node* found = entry.find(member);
  return found != nullptr && found->kind == Node::Kind::kBoolean && found->boolean;
}

}  // namespace

std::string readiness_key(const WorkloadName& workload) {
  const std::string_view prefix = workload.is_machine ? kMachinePrefix : std::string_view();
  std::string key = workload.name_space + ".";
  key.append(prefix).append(workload.name);
  return key.substr(0, kMaxKeyBytes);
}

std::optional<WorkloadName> parse_readiness_key(std::string_view key) {
  const std::size_t dot = key.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  std::string_view name = key.substr(dot + 1);
  const bool is_machine = name.starts_with(kMachinePrefix);
  if (is_machine) name.remove_prefix(kMachinePrefix.size());
  WorkloadName workload{std::string(key.substr(0, dot)), std::string(name), is_machine};
  if (!is_dns_label(workload.name_space) || !is_dns_subdomain(workload.name)) return std::nullopt;
  return workload;
}

std::string readiness_text(const Readiness& readiness, WallTime found) {
  return json({{"containable", readiness.containable},
               {"containableReason", readiness.containable_reason},
               {"containableMessage", readiness.containable_message},
               {"prepared", readiness.prepared},
               {"preparedReason", readiness.prepared_reason},
               {"preparedMessage", readiness.prepared_message},
               {"time", format_seconds(found)}})
      .dump();
}

Readiness parse_readiness_text(const std::string& text) {
  const auto entry = parse_json_document(text);
  if (!entry) return {};
  return {is_set(*entry, "containable"),         text_of(*entry, "containableReason"),
          text_of(*entry, "containableMessage"), is_set(*entry, "prepared"),
          text_of(*entry, "preparedReason"),     text_of(*entry, "preparedMessage")};
}

}  // namespace kintsugi::targets
