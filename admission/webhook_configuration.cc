// SPDX-License-Identifier: Apache-2.0
#include "admission/webhook_configuration.h"

#include <nlohmann/json.hpp>

#include "base/encoding.h"

namespace kintsugi::admission {
namespace {

using nlohmann::json;

// Labels, annotations and the like are changed without us: a containment must not wait for its own
// controller.
constexpr const char* kBringsAnImage =
    "oldObject == null || (has(request.subResource) && request.subResource == 'ephemeralcontainers') || "
    "!object.spec.containers.all(c, oldObject.spec.containers.exists(o, o.name == c.name && "
    "has(o.image) == has(c.image) && (!has(c.image) || o.image == c.image))) || "
    "(has(object.spec.initContainers) && !(has(oldObject.spec.initContainers) && "
    "object.spec.initContainers.all(c, oldObject.spec.initContainers.exists(o, o.name == c.name && "
    "has(o.image) == has(c.image) && (!has(c.image) || o.image == c.image)))))";

json address_of(const WebhookAddress& address, std::string_view path) {
  if (!address.url.empty()) return {{"url", address.url + std::string(path)}};
  return {{"service",
           {{"namespace", address.name_space}, {"name", address.service}, {"path", path}, {"port", 443}}}};
}

json make_webhook(const char* name, const char* failure_policy, json client_config,
                  const std::set<std::string>& names, const std::string& ca_bundle_pem) {
  client_config["caBundle"] = base64_encode(ca_bundle_pem);
  const json selector = {
      {"matchExpressions",
       {{{"key", "kubernetes.io/metadata.name"}, {"operator", "In"}, {"values", json(names)}}}}};
  const json rule = {{"apiGroups", {""}},
                     {"apiVersions", {"v1"}},
                     {"operations", {"CREATE", "UPDATE"}},
                     {"resources", {"pods", "pods/ephemeralcontainers"}},
                     {"scope", "Namespaced"}};
  return {{"name", name},
          {"admissionReviewVersions", {"v1"}},
          {"clientConfig", std::move(client_config)},
          {"failurePolicy", failure_policy},
          {"matchConditions", {{{"name", "brings-an-image"}, {"expression", kBringsAnImage}}}},
          {"matchPolicy", "Equivalent"},
          {"namespaceSelector", selector},
          {"objectSelector", json::object()},
          {"rules", json::array({rule})},
          {"sideEffects", "None"},
          {"timeoutSeconds", kWebhookTimeoutSeconds}};
}

}  // namespace

json make_webhooks(const GuardedNamespaces& guarded, const WebhookAddress& address,
                   const std::string& ca_bundle_pem) {
  json webhooks = json::array();
  if (!guarded.fail_open.empty()) {
    webhooks.push_back(make_webhook("fail-open.admission.kintsugi.dev", "Ignore",
                                    address_of(address, kFailOpenPath), guarded.fail_open, ca_bundle_pem));
  }
  if (!guarded.fail_closed.empty()) {
    webhooks.push_back(make_webhook("fail-closed.admission.kintsugi.dev", "Fail",
                                    address_of(address, kFailClosedPath), guarded.fail_closed,
                                    ca_bundle_pem));
  }
  return webhooks;
}

}  // namespace kintsugi::admission
