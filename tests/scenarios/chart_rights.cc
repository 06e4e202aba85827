// SPDX-License-Identifier: Apache-2.0
#include "chart_rights.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/encoding.h"

namespace kintsugi::scenarios {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kPlaceholder = "srun";
constexpr auto kPatience = 20s;
constexpr auto kPoll = 10ms;

constexpr k8s::Resource kIncidents{"kintsugi.dev", "v1alpha1", "incidents", "Incident"};
constexpr k8s::Resource kServiceAccounts{"", "v1", "serviceaccounts", "ServiceAccount"};
constexpr k8s::Resource kAccessReviews{"authorization.k8s.io", "v1", "subjectaccessreviews",
                                       "SubjectAccessReview", false};
constexpr k8s::Resource kRights[] = {
    kServiceAccounts,
    {"rbac.authorization.k8s.io", "v1", "roles", "Role"},
    {"rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"},
    {"rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false},
    {"rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", false}};

template <class T>
T need(k8s::ApiResult<T> result) {
  if (!result) FAIL(result.error().to_string());
  return std::move(*result);
}

const k8s::Resource& resource_of(const json& object) {
  const auto found = std::find_if(std::begin(kRights), std::end(kRights), [&](const k8s::Resource& resource) {
    return resource.kind == object["kind"].get_ref<const std::string&>();
  });
  if (found == std::end(kRights)) FAIL("not expected among rights: " << object["kind"]);
  return *found;
}

std::string replace_all(std::string text, std::string_view from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// Calls `poll` until it gives something else than null.
template <class Poll>
json wait_for(const std::string& what, const Poll& poll) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    if (json found = poll(); !found.is_null()) return found;
    if (std::chrono::steady_clock::now() > deadline) FAIL("in vain: " << what);
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace

ChartRights::ChartRights(k8s::Client& client, const std::string& rendered, const std::string& run)
    : client_(client), run_(run), own_namespace_(run + "-system") {
  const json list = json::parse(replace_all(rendered, kPlaceholder, run));
  for (const json& object : list.at("items")) {
    const std::string name_space = object["metadata"].value("namespace", "");
    if (!name_space.empty() && name_space != own_namespace_) {
      protection_.push_back(object);
      continue;
    }
    apply(object);
    if (object["kind"] == kServiceAccounts.kind) account_ = object["metadata"]["name"];
  }
  REQUIRE_FALSE(account_.empty());
  REQUIRE_FALSE(protection_.empty());
  wait_until_allowed("list", k8s::kPods, "");
  wait_until_allowed("list", kIncidents, own_namespace_);
}

ChartRights::~ChartRights() {
  for (const auto& [resource, name] : cluster_wide_) (void)client_.remove(resource, {"", name});
}

void ChartRights::apply(const json& object) {
  const k8s::Resource& resource = resource_of(object);
  need(client_.create(resource, object["metadata"].value("namespace", ""), object));
  if (!resource.namespaced) cluster_wide_.emplace_back(resource, object["metadata"]["name"]);
}

void ChartRights::protect(const std::string& name_space) {
  for (json object : protection_) {
    object["metadata"]["namespace"] = name_space;
    apply(object);
  }
  wait_until_allowed("patch", k8s::kPods, name_space);
}

json ChartRights::token() {
  const json secret{
      {"metadata", {{"name", "token"}, {"annotations", {{"kubernetes.io/service-account.name", account_}}}}},
      {"type", "kubernetes.io/service-account-token"}};
  need(client_.create(k8s::kSecrets, own_namespace_, secret));
  return wait_for("a token of " + account_, [&] {
    const json filled = need(client_.get(k8s::kSecrets, {own_namespace_, "token"}));
    return filled.value("data", json::object()).contains("token") ? filled["data"] : json();
  });
}

std::string ChartRights::make_kubeconfig() {
  const json data = token();
  const auto bearer = base64_decode(data["token"].get<std::string>());
  REQUIRE(bearer);
  const json cluster{{"server", client_.options().server}, {"certificate-authority-data", data["ca.crt"]}};
  const json config{
      {"apiVersion", "v1"},
      {"kind", "Config"},
      {"clusters", json::array({{{"name", "lab"}, {"cluster", cluster}}})},
      {"users", json::array({{{"name", account_}, {"user", {{"token", *bearer}}}}})},
      {"contexts", json::array({{{"name", "lab"}, {"context", {{"cluster", "lab"}, {"user", account_}}}}})},
      {"current-context", "lab"}};
  return config.dump();
}

void ChartRights::wait_until_allowed(const std::string& verb, const k8s::Resource& resource,
                                     const std::string& name_space) {
  const json question{{"spec",
                       {{"user", "system:serviceaccount:" + own_namespace_ + ":" + account_},
                        {"resourceAttributes",
                         {{"verb", verb},
                          {"group", resource.group},
                          {"resource", resource.plural},
                          {"namespace", name_space}}}}}};
  wait_for("the right to " + verb + " " + std::string(resource.plural), [&]() -> json {
    const json answer = need(client_.create(kAccessReviews, "", question));
    return answer["status"].value("allowed", false) ? json(true) : json();
  });
}

}  // namespace kintsugi::scenarios
