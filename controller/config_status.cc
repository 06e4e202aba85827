// SPDX-License-Identifier: Apache-2.0
#include "controller/config_status.h"

#include <nlohmann/json.hpp>

#include "base/cut.h"
#include "base/time.h"
#include "k8s-client/core/patch.h"

namespace kintsugi::controller {
namespace {

using nlohmann::json;

constexpr std::string_view kLoaded = "Loaded";
constexpr std::size_t kMaxMessageBytes = 1024;  // the schema's

/// The member at the end of a path; a null Node where there is none.
const Node& member(const Node& object, std::initializer_list<std::string_view> path) {
  static const Node kNothing;
  const Node* at = &object;
  for (const std::string_view key : path) {
    at = at->find(key);
    if (at == nullptr) return kNothing;
  }
  return *at;
}

std::int64_t integer(const Node& node) {
  return node.as_integer().value_or(0);
}

const char* status_word(const ConfigVerdict& verdict) {
  return verdict.ready ? "True" : "False";
}

bool says(const Node& condition, const ConfigVerdict& verdict) {
  return member(condition, {"status"}).text == status_word(verdict) &&
         member(condition, {"reason"}).text == verdict.reason &&
         member(condition, {"message"}).text == verdict.message &&
         integer(member(condition, {"observedGeneration"})) == verdict.generation;
}

}  // namespace

ConfigVerdict judge_config(const k8s::Resource& resource, const Node& object, std::string reason,
                           std::string message) {
  ConfigVerdict verdict;
  verdict.resource = &resource;
  verdict.name = member(object, {"metadata", "name"}).text;
  verdict.uid = member(object, {"metadata", "uid"}).text;
  verdict.generation = integer(member(object, {"metadata", "generation"}));
  verdict.ready = reason == kLoaded;
  verdict.reason = std::move(reason);
  verdict.message = cut(std::move(message), kMaxMessageBytes);
  for (const Node& condition : member(object, {"status", "conditions"}).items) {
    if (member(condition, {"type"}).text != "Ready") continue;
    verdict.is_shown = says(condition, verdict);
    if (member(condition, {"status"}).text == status_word(verdict)) {
      verdict.since = member(condition, {"lastTransitionTime"}).text;
    }
  }
  return verdict;
}

Result<void> show_config_verdict(k8s::Client& client, const std::string& name_space,
                                 const ConfigVerdict& verdict, WallTime now) {
  const json condition = {{"type", "Ready"},
                          {"status", status_word(verdict)},
                          {"reason", verdict.reason},
                          {"message", verdict.message},
                          {"lastTransitionTime", verdict.since.empty() ? format_seconds(now) : verdict.since},
                          {"observedGeneration", verdict.generation}};
  k8s::JsonPatch patch;
  patch.test("/metadata/uid", verdict.uid);
  patch.add("/status",
            {{"observedGeneration", verdict.generation}, {"conditions", json::array({condition})}});
  k8s::CallOptions call;
  call.priority = net::Priority::kBackground;
  auto written = client.patch(*verdict.resource, {name_space, verdict.name}, patch, "status", call);
  if (!written) return fail(written.error());
  return {};
}

}  // namespace kintsugi::controller
