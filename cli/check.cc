// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "base/escape.h"
#include "cli/commands.h"
#include "cli/document_text.h"
#include "cli/table.h"
#include "targets/kubernetes/readiness.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;
using targets::Readiness;
using targets::WorkloadName;

struct Workload {
  WorkloadName name;
  Readiness readiness;

  bool is_ready() const { return readiness.containable && readiness.prepared; }
};

/// What the controller published, by namespace and name.
Result<std::vector<Workload>> read_workloads(const Session& session) {
  const Invocation& invocation = session.invocation;
  const auto config_map = session.client.get(
      k8s::kConfigMaps, {invocation.name_space, targets::kReadinessConfigMap}, session.read_options());
  if (!config_map) {
    if (config_map.error().code != ErrorCode::kNotFound) return fail(config_map.error());
    return fail(
        make_error(ErrorCode::kNotFound, "nothing is known of any workload yet")
            .on("configmap " + invocation.name_space + "/" + targets::kReadinessConfigMap)
            .advise("is a controller running, and does a namespace carry kintsugi.dev/protected=true?"));
  }
  std::vector<Workload> workloads;
  const json entries = config_map->value("data", json::object());
  for (const auto& [key, text] : entries.items()) {  // in the order of the keys
    const auto name = targets::parse_readiness_key(key);
    if (!name || !text.is_string()) continue;
    if (!invocation.pod_namespace.empty() && invocation.pod_namespace != name->name_space) continue;
    workloads.push_back({*name, targets::parse_readiness_text(text.get<std::string>())});
  }
  return workloads;
}

/// A Deployment's is its name alone.
std::string shown_name(const WorkloadName& workload) {
  return (workload.is_machine ? "virtualmachine/" : "") + workload.name;
}

Cell answer(bool is_good, const std::string& reason) {
  const std::string why = is_good || reason.empty() ? "" : " (" + escape(reason, 64) + ")";
  return {(is_good ? "yes" : "no") + why, is_good ? Tone::kGood : Tone::kBad};
}

std::string as_table(const Session& session, const std::vector<Workload>& workloads) {
  Table table({"NAMESPACE", "WORKLOAD", "CONTAINABLE", "PREPARED"});
  for (const Workload& workload : workloads) {
    const Readiness& readiness = workload.readiness;
    table.add({{workload.name.name_space},
               {shown_name(workload.name)},
               answer(readiness.containable, readiness.containable_reason),
               answer(readiness.prepared, readiness.prepared_reason)});
  }
  return table.take_text(!session.invocation.no_headers, session.console.colour);
}

/// What there is to do, in the controller's words, which are escaped already.
std::string as_advice(const std::vector<Workload>& workloads) {
  std::string text;
  for (const auto& [name, readiness] : workloads) {
    const std::string workload = name.name_space + "/" + shown_name(name);
    if (!readiness.containable)
      text += "\n" + workload + " could not be contained: " + readiness.containable_message;
    if (!readiness.prepared) text += "\n" + workload + " is not prepared: " + readiness.prepared_message;
  }
  return text.empty() ? text : text + "\n";
}

std::string as_document(const std::vector<Workload>& workloads, OutputFormat format) {
  json items = json::array();
  for (const auto& [name, readiness] : workloads) {
    items.push_back({{"namespace", name.name_space},
                     {name.is_machine ? "virtualMachine" : "deployment", name.name},
                     {"containable", readiness.containable},
                     {"containableReason", readiness.containable_reason},
                     {"containableMessage", readiness.containable_message},
                     {"prepared", readiness.prepared},
                     {"preparedReason", readiness.prepared_reason},
                     {"preparedMessage", readiness.prepared_message}});
  }
  const json document = {{"workloads", std::move(items)}};
  return format == OutputFormat::kYaml ? to_yaml_text(document) : to_json_text(document);
}

}  // namespace

Result<ExitCode> run_check(const Session& session) {
  const auto workloads = read_workloads(session);
  if (!workloads) return fail(workloads.error());
  const OutputFormat format = session.invocation.output;
  if (format == OutputFormat::kTable || format == OutputFormat::kWide) {
    session.console.out << as_table(session, *workloads);
    if (format == OutputFormat::kWide) session.console.out << as_advice(*workloads);
    if (workloads->empty()) session.remark("there are no protected workloads");
  } else {
    session.console.out << as_document(*workloads, format);
  }
  for (const Workload& workload : *workloads) {
    if (!workload.is_ready()) return ExitCode::kNotReady;
  }
  return ExitCode::kDone;
}

}  // namespace kintsugi::cli
