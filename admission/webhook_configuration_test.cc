// SPDX-License-Identifier: Apache-2.0
#include "admission/webhook_configuration.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace kintsugi::admission {
namespace {

using nlohmann::json;

const WebhookAddress kService{"kintsugi-system", "kintsugi", ""};

}  // namespace

TEST_CASE("nothing is asked while nothing is guarded") {
  CHECK(make_webhooks({}, kService, "pem") == json::array());
}

TEST_CASE("each rule of failure has a webhook of its own, for its namespaces only") {
  const json webhooks = make_webhooks({{"bank", "shop"}, {"vault"}, {}}, kService, "pem");
  REQUIRE(webhooks.size() == 2);
  CHECK(webhooks[0]["failurePolicy"] == "Ignore");
  CHECK(webhooks[0]["clientConfig"] ==
        json::parse(R"({"caBundle": "cGVt", "service": {"namespace": "kintsugi-system", "name": "kintsugi",
                        "path": "/v1/admission/fail-open", "port": 443}})"));
  CHECK(webhooks[0]["namespaceSelector"] ==
        json::parse(R"({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In",
                                              "values": ["bank", "shop"]}]})"));
  CHECK(webhooks[1]["failurePolicy"] == "Fail");
  CHECK(webhooks[1]["clientConfig"]["service"]["path"] == "/v1/admission/fail-closed");
  CHECK(webhooks[1]["namespaceSelector"]["matchExpressions"][0]["values"] == json({"vault"}));
  for (const json& webhook : webhooks) CHECK(webhook["rules"][0]["resources"].size() == 2);
}

TEST_CASE("outside of the cluster it is reached by its URL") {
  const json webhooks = make_webhooks({{}, {"vault"}, {}}, {"", "", "https://127.0.0.1:9443"}, "pem");
  CHECK(webhooks[0]["clientConfig"] ==
        json::parse(R"({"caBundle": "cGVt", "url": "https://127.0.0.1:9443/v1/admission/fail-closed"})"));
}

}  // namespace kintsugi::admission
