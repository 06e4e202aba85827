// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/auth/kubeconfig.h"

#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "base/testing/scratch_directory.h"
#include "k8s-client/auth/test_environment.h"

using namespace kintsugi;
using namespace kintsugi::k8s;

namespace {

const Environment kNothing = environment_of({});

/// A whole file around one cluster and one user.
std::string config_text(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\ncontexts:\n- name: here\n"
         "  context: {cluster: c, user: u, namespace: shop}\nclusters:\n- name: c\n  cluster: " +
         cluster + "\nusers:\n- name: u\n  user: " + user + "\n";
}

Result<ClusterConfig> load_text(const std::string& text) {
  const ScratchDirectory directory;
  return load_kubeconfig({.path = directory.write("config", text)}, kNothing);
}

}  // namespace

TEST_CASE("the current context names cluster, user and namespace") {
  const ScratchDirectory directory;
  const std::string path = directory.write(
      "deep/config",
      config_text("{server: 'https://h:6443/', certificate-authority: pki/ca.crt, tls-server-name: api, "
                  "proxy-url: 'http://p:3128'}",
                  "{client-certificate: ../u.crt, client-key: /abs/u.key, as: jane, as-uid: '7', "
                  "as-groups: [dev], as-user-extra: {k: [a, b]}}"));
  const auto config = load_kubeconfig({.path = path}, kNothing);
  REQUIRE(config);
  CHECK(config->server == "https://h:6443");
  CHECK(config->ca.path == directory.path() + "/deep/pki/ca.crt");
  CHECK(config->certificate.path == directory.path() + "/u.crt");
  CHECK(config->key.path == "/abs/u.key");
  CHECK(config->tls_server_name == "api");
  CHECK(config->proxy_url == "http://p:3128");
  CHECK(config->default_namespace == "shop");
  CHECK(config->impersonation.user == "jane");
  CHECK(config->impersonation.uid == "7");
  CHECK(config->impersonation.groups == std::vector<std::string>{"dev"});
  CHECK(config->impersonation.extra.size() == 2);
  CHECK(config->origin == "context 'here' in " + path);
  CHECK(config->user_name == "u");
}

TEST_CASE("inline data is decoded, and JSON is read like YAML") {
  const auto config = load_text(config_text("{\"server\": \"http://h\", \"certificate-authority-data\": \"" +
                                                base64_encode("CA") + "\", certificate-authority: ca.crt}",
                                            "{token: abc, tokenFile: t}"));
  REQUIRE(config);
  CHECK(config->ca.data.reveal() == "CA");
  CHECK(config->token.reveal() == "abc");
  CHECK(config->token_file.ends_with("/t"));
}

TEST_CASE("files are merged, and the first that has a key wins") {
  const ScratchDirectory directory;
  const std::string first = directory.write("a/one", R"(
current-context: ctx
clusters: [{name: c, cluster: {server: 'https://first', certificate-authority: ca}}]
contexts: [{name: ctx, context: {cluster: c, user: u}}]
)");
  const std::string second = directory.write("b/two", R"(
current-context: other
clusters: [{name: c, cluster: {server: 'https://second', tls-server-name: second}}, {name: d, cluster: {server: 'https://d'}}]
users: [{name: u, user: {tokenFile: token}}, {name: v, user: {token: v}}]
contexts: [{name: other, context: {cluster: d, user: v, namespace: n}}]
)");
  const std::string list = "/nonexistent/x::" + first + ":" + second + ":";
  const Environment environment = environment_of({{"KUBECONFIG", list}, {"HOME", "/nonexistent"}});
  const auto merged = load_kubeconfig({}, environment);
  REQUIRE(merged);
  CHECK(merged->server == "https://first");
  CHECK(merged->tls_server_name.empty());  // an entry is taken whole
  CHECK(merged->ca.path == directory.path() + "/a/ca");
  CHECK(merged->token_file == directory.path() + "/b/token");
  CHECK(merged->default_namespace == "default");

  CHECK(load_kubeconfig({.context = "other"}, environment)->server == "https://d");
  CHECK(load_kubeconfig({.cluster = "d"}, environment)->server == "https://d");
  CHECK(load_kubeconfig({.user = "v"}, environment)->token.reveal() == "v");
  // --kubeconfig stands alone.
  const auto alone = load_kubeconfig({.path = second}, environment);
  CHECK(alone->server == "https://d");
}

TEST_CASE("the order is --kubeconfig, KUBECONFIG, the home directory, the pod") {
  const ScratchDirectory home;
  home.write(".kube/config", config_text("{server: 'https://home'}", "{token: t}"));
  const std::string named = home.write("named", config_text("{server: 'https://named'}", "{token: t}"));
  CHECK(load_cluster_config({}, environment_of({{"HOME", home.path()}}))->server == "https://home");
  CHECK(load_cluster_config({}, environment_of({{"HOME", home.path()}, {"KUBECONFIG", named}}))->server ==
        "https://named");
  CHECK(load_cluster_config({.path = named}, environment_of({{"KUBECONFIG", "/nonexistent"}}))->server ==
        "https://named");
  const auto pod = load_cluster_config({}, environment_of({{"HOME", "/nonexistent"}}));
  CHECK(pod.error().message.find("not in a pod") != std::string::npos);
  // A name that leads nowhere is an error, not a reason to look elsewhere.
  CHECK(
      load_cluster_config({.path = "/nonexistent/c"}, environment_of({{"HOME", home.path()}})).error().code ==
      ErrorCode::kNotFound);
  const auto gone =
      load_cluster_config({}, environment_of({{"KUBECONFIG", "/nonexistent/a:/nonexistent/b"}}));
  CHECK(gone.error().object == "KUBECONFIG=/nonexistent/a:/nonexistent/b");
}

TEST_CASE("errors name file, line and column, and never a value") {
  struct Row {
    const char* cluster;
    const char* user;
    const char* where;
  };
  const Row rows[] = {
      {"{server: 7}", "{}", ":9:21"},
      {"{}", "{}", ":9:12"},
      {"{server: 'ftp://h'}", "{}", ":9:21"},
      {"{server: 'h:6443'}", "{}", ":9:21"},
      {"{server: 'https://'}", "{}", ":9:21"},
      {"{server: 'https://me:passw0rd@h'}", "{}", ":9:21"},
      {"{server: 'https://h/?a=b'}", "{}", ":9:21"},
      {"{server: 'https://h', insecure-skip-tls-verify: 'true'}", "{}", ":9:60"},
      {"{server: 'https://h', certificate-authority-data: 'SECRET!'}", "{}", ":9:62"},
      {"[]", "{}", ":9:12"},
      {"{server: 'https://h'}", "{token: 123456}", ":12:17"},
      {"{server: 'https://h'}", "{token: {a: SECRET}}", ":12:17"},
      {"{server: 'https://h'}", "{client-key-data: 'SECRET!'}", ":12:27"},
      {"{server: 'https://h'}", "{client-key: k}", ":12:9"},
      {"{server: 'https://h'}", "{as-groups: x}", ":12:21"},
      {"{server: 'https://h'}", "{as-groups: [1]}", ":12:22"},
      {"{server: 'https://h'}", "{as-user-extra: {a: b}}", ":12:29"},
  };
  for (const Row& row : rows) {
    INFO(row.cluster << " " << row.user);
    const auto config = load_text(config_text(row.cluster, row.user));
    REQUIRE_FALSE(config);
    CHECK(config.error().code == ErrorCode::kInvalidInput);
    CHECK(config.error().object.find("/config") != std::string::npos);
    CHECK_THAT(config.error().object, Catch::EndsWith(row.where));
    CHECK(config.error().to_string().find("SECRET") == std::string::npos);
    CHECK(config.error().to_string().find("passw0rd") == std::string::npos);
  }
}

TEST_CASE("malformed files are refused") {
  const char* const texts[] = {
      "clusters:\n\t- name: x\n",
      "[]",
      "just text",
      "a: b: c",
      "clusters: {}",
      "clusters: [x]",
      "clusters: [{cluster: {}}]",
      "clusters: [{name: 7, cluster: {}}]",
      "clusters: [{name: c, cluster: x}]",
      "users: [{name: ''}]",
      "contexts: 1",
      "kind: Deployment",
      "apiVersion: v2",
      "current-context: [x]",
      "a: 1\na: 2",
      "{\"clusters\": [",
  };
  for (const char* text : texts) {
    INFO(text);
    const auto config = load_text(text);
    REQUIRE_FALSE(config);
    CHECK(config.error().object.find("/config") != std::string::npos);
  }
}

TEST_CASE("what a context names must exist, and the error lists what does") {
  const ScratchDirectory directory;
  const std::string path = directory.write("config", config_text("{server: 'https://h'}", "{token: t}"));
  const auto unknown = load_kubeconfig({.path = path, .context = "there"}, kNothing);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message == "there is no context 'there'");
  CHECK(unknown.error().advice == "it has: here");
  CHECK(load_kubeconfig({.path = path, .cluster = "x"}, kNothing).error().message ==
        "there is no cluster 'x'");
  CHECK(load_kubeconfig({.path = path, .user = "x"}, kNothing).error().message == "there is no user 'x'");
  CHECK(load_text("").error().message == "there is no current-context");
  CHECK_FALSE(load_text("current-context: a\ncontexts: [{name: a}]"));
  CHECK_FALSE(load_text("current-context: a\ncontexts: [{name: a, context: {cluster: c}}]"));
  // No user: anonymous.
  CHECK(
      load_text("current-context: a\ncontexts: [{name: a, context: {cluster: c}}]\n"
                "clusters: [{name: c, cluster: {server: 'http://h'}}]"));
}

TEST_CASE("unsupported ways to authenticate are named, unless a token wins over them") {
  const std::string exec = "exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}";
  for (const std::string& user :
       {exec, std::string("auth-provider: {name: gcp}"), std::string("username: a, password: b")}) {
    INFO(user);
    const auto refused = load_text(config_text("{server: 'https://h'}", "{" + user + "}"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::kUnsupported);
    CHECK(refused.error().message.find("user 'u'") != std::string::npos);
    CHECK(refused.error().object.find("/config:12:") != std::string::npos);
    CHECK_FALSE(refused.error().advice.empty());
    const auto with_token = load_text(config_text("{server: 'https://h'}", "{token: t, " + user + "}"));
    REQUIRE(with_token);
    CHECK(with_token->token.reveal() == "t");
    CHECK(load_text(config_text("{server: 'https://h'}", "{tokenFile: t, " + user + "}")));
  }
}

TEST_CASE("entries that are not in use do not stand in the way") {
  CHECK(load_text(config_text("{server: 'https://h', extensions: [{name: minikube}]}",
                              "{token: t}\n- name: broken\n  user: {token: 7, exec: {}}\npreferences: {}")));
}
