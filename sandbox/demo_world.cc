// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "sandbox/sandbox.h"

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

json deployment(const std::string& name, int replicas, const std::string& image) {
  const json labels{{"app", name}};
  const json container{
      {"name", name},
      {"image", image},
      {"ports", json::array({{{"name", "http"}, {"containerPort", 8080}, {"protocol", "TCP"}}})}};
  return {{"metadata", {{"name", name}, {"labels", labels}}},
          {"spec",
           {{"replicas", replicas},
            {"selector", {{"matchLabels", labels}}},
            {"template",
             {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", json::array({container})}}}}}}}};
}

json service(const std::string& name) {
  return {{"metadata", {{"name", name}}},
          {"spec",
           {{"selector", {{"app", name}}},
            {"ports", json::array({{{"name", "http"}, {"port", 80}, {"targetPort", "http"}}})}}}};
}

}  // namespace

std::string seed_demo(Sandbox& sandbox) {
  const SigningKey key;
  const std::string prefix = sandbox.registry_host() + "/shop/";
  std::map<std::string, std::string> images;
  for (const std::string name : {"web", "neighbour"}) {
    const PushedImage image = sandbox.registry().push_image("shop/" + name, "1.0", name + " 1.0");
    sandbox.registry().sign("shop/" + name, image.index, key);
    images[name] = prefix + name + "@" + image.index;
  }
  ObjectStore& store = sandbox.store();
  (void)store.create(k8s::kNamespaces, "",
                     {{"metadata", {{"name", "shop"}, {"labels", {{"kintsugi.dev/protected", "true"}}}}}});
  (void)store.create(k8s::kDeployments, "shop", deployment("web", 3, images["web"]));
  (void)store.create(k8s::kDeployments, "shop", deployment("neighbour", 1, images["neighbour"]));
  (void)store.create(k8s::kServices, "shop", service("web"));
  return key.pem();
}

std::string make_kubeconfig(const std::string& api_url) {
  return "apiVersion: v1\n"
         "kind: Config\n"
         "current-context: sandbox\n"
         "clusters: [{name: sandbox, cluster: {server: \"" +
         api_url +
         "\"}}]\n"
         "users: [{name: sandbox, user: {}}]\n"
         "contexts: [{name: sandbox, context: {cluster: sandbox, user: sandbox}}]\n";
}

}  // namespace kintsugi::sandbox
