// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/auth/credentials.h"

#include <catch2/catch.hpp>

#include <filesystem>

#include "base/testing/scratch_directory.h"
#include "k8s-client/auth/in_cluster.h"
#include "k8s-client/auth/pem.h"
#include "k8s-client/auth/test_environment.h"
#include "net/testing/test_certificates.h"

using namespace kintsugi;
using namespace kintsugi::k8s;
using namespace std::chrono_literals;

namespace {

net::TestCertificate make_test_pair(const std::string& name) {
  return net::TestAuthority().issue({name});
}

ClusterConfig bare_config() {
  ClusterConfig config;
  config.server = "https://h:6443";
  config.origin = "a test";
  return config;
}

}  // namespace

TEST_CASE("a certificate authority that changed gives a new generation, a broken one does not") {
  const ScratchDirectory directory;
  ManualClock clock;
  const net::TestCertificate first = make_test_pair("first");
  const net::TestCertificate second = make_test_pair("second");
  ClusterConfig config = bare_config();
  config.ca.path = directory.write("ca.crt", first.certificate_pem);
  auto source = make_credentials(config, clock);
  REQUIRE(source);
  CHECK((*source)->tls()->generation == 1);
  CHECK((*source)->tls()->options.ca_pem == first.certificate_pem);

  directory.write("ca.crt", second.certificate_pem);
  clock.advance(4min);
  CHECK((*source)->tls()->generation == 1);
  clock.advance(1min);
  CHECK((*source)->tls()->generation == 2);
  CHECK((*source)->tls()->options.ca_pem == second.certificate_pem);

  const std::string half = first.certificate_pem.substr(0, first.certificate_pem.size() / 2);
  for (const std::string& broken : {std::string(), std::string("x"), half, second.certificate_pem + half}) {
    directory.write("ca.crt", broken);
    clock.advance(5min);
    CHECK((*source)->tls()->generation == 2);
    CHECK((*source)->tls()->options.ca_pem == second.certificate_pem);
  }
  std::filesystem::remove(config.ca.path);
  clock.advance(5min);
  CHECK((*source)->tls()->generation == 2);
  directory.write("ca.crt", first.certificate_pem + second.certificate_pem);
  clock.advance(5min);
  CHECK((*source)->tls()->generation == 3);
}

TEST_CASE("a token whose file has gone after the server refused it is trouble with credentials, for now") {
  const ScratchDirectory directory;
  ManualClock clock;
  ClusterConfig config = bare_config();
  config.token_file = directory.write("token", "one");
  auto source = make_credentials(config, clock);
  REQUIRE(source);
  std::filesystem::remove(config.token_file);
  (*source)->unauthorized(clock.monotonic());
  const auto missing = (*source)->credentials();
  CHECK(missing.error().code == ErrorCode::kUnauthorized);
  CHECK(missing.error().retryable);
  CHECK(missing.error().object == config.token_file);
  directory.write("token", "two");
  CHECK((*source)->credentials()->bearer_token.equals("two"));
}

TEST_CASE("a client certificate is taken over only together with its key") {
  const ScratchDirectory directory;
  ManualClock clock;
  const net::TestCertificate old_pair = make_test_pair("old");
  const net::TestCertificate new_pair = make_test_pair("new");
  ClusterConfig config = bare_config();
  config.certificate.path = directory.write("tls.crt", old_pair.certificate_pem);
  config.key.path = directory.write("tls.key", old_pair.key_pem);
  auto source = make_credentials(config, clock);
  REQUIRE(source);

  directory.write("tls.crt", new_pair.certificate_pem);  // the key is still the old one
  clock.advance(5min);
  CHECK((*source)->tls()->generation == 1);
  CHECK((*source)->tls()->options.certificate_pem == old_pair.certificate_pem);
  directory.write("tls.key", new_pair.key_pem);
  clock.advance(5min);
  CHECK((*source)->tls()->generation == 2);
  CHECK((*source)->tls()->options.certificate_pem == new_pair.certificate_pem);
  CHECK((*source)->tls()->options.key_pem.equals(new_pair.key_pem));
}

TEST_CASE("PEM that nobody can use is told from PEM that fits") {
  const net::TestCertificate one = make_test_pair("one");
  const net::TestCertificate two = make_test_pair("two");
  CHECK(check_certificates(one.certificate_pem));
  CHECK(check_certificates(one.certificate_pem + "\ntext between\n" + two.certificate_pem + "text after"));
  CHECK_FALSE(check_certificates(""));
  CHECK_FALSE(check_certificates(one.key_pem));
  CHECK(check_key_pair(one.certificate_pem + two.certificate_pem, one.key_pem));
  CHECK_FALSE(check_key_pair(one.certificate_pem, two.key_pem));
  CHECK_FALSE(check_key_pair(one.certificate_pem, ""));
  CHECK_FALSE(check_key_pair("", one.key_pem));
}

TEST_CASE("a token file wins over the token beside it, which stands in for an unreadable one") {
  const ScratchDirectory directory;
  const ManualClock clock;
  ClusterConfig config = bare_config();
  config.token = Secret("inline\n");
  config.token_file = directory.path() + "/token";
  auto source = make_credentials(config, clock);
  REQUIRE(source);
  CHECK((*source)->credentials()->bearer_token.reveal() == "inline");
  directory.write("token", "from-file");
  CHECK((*source)->credentials()->bearer_token.reveal() == "from-file");
}

TEST_CASE("impersonation becomes headers") {
  const ManualClock clock;
  ClusterConfig config = bare_config();
  config.impersonation = {"jane", "u-1", {"dev", "ops"}, {{"Scope/é", "a"}, {"Scope/é", "b"}}};
  const auto headers = (*make_credentials(config, clock))->credentials()->headers.all();
  using Entry = std::pair<std::string, std::string>;
  CHECK(headers == std::vector<Entry>{{"Impersonate-User", "jane"},
                                      {"Impersonate-Uid", "u-1"},
                                      {"Impersonate-Group", "dev"},
                                      {"Impersonate-Group", "ops"},
                                      {"Impersonate-Extra-Scope%2F%C3%A9", "a"},
                                      {"Impersonate-Extra-Scope%2F%C3%A9", "b"}});
}

TEST_CASE("configurations that contradict themselves or cannot work are refused") {
  const ScratchDirectory directory;
  const ManualClock clock;
  const net::TestCertificate pair = make_test_pair("x");
  const auto refused = [&](const std::function<void(ClusterConfig&)>& change) {
    ClusterConfig config = bare_config();
    change(config);
    const auto source = make_credentials(config, clock);
    return !source && !source.error().object.empty();
  };
  CHECK(refused([&](auto& config) { config.certificate.data = Secret(pair.certificate_pem); }));
  CHECK(refused([&](auto& config) { config.key.data = Secret(pair.key_pem); }));
  CHECK(refused([&](auto& config) {
    config.certificate.data = Secret(pair.certificate_pem);
    config.key.data = Secret(make_test_pair("y").key_pem);
  }));
  CHECK(refused([&](auto& config) {
    config.insecure_skip_tls_verify = true;
    config.ca.data = Secret(pair.certificate_pem);
  }));
  CHECK(refused([](auto& config) { config.ca.data = Secret("no PEM"); }));
  CHECK(refused([](auto& config) { config.ca.path = "/nonexistent/ca.crt"; }));
  CHECK(refused([](auto& config) { config.token_file = "/nonexistent/token"; }));
  CHECK(refused([](auto& config) { config.token = Secret("a\r\nb"); }));
  CHECK(refused([](auto& config) { config.impersonation.groups = {"g"}; }));
  CHECK(refused([](auto& config) { config.impersonation.user = "a\r\nX: y"; }));
}

TEST_CASE("a pod finds its server, account and namespace") {
  const ScratchDirectory directory;
  const ManualClock clock;
  directory.write("token", "t");
  directory.write("ca.crt", make_test_pair("ca").certificate_pem);
  directory.write("namespace", "incidents\n");
  const auto config = load_in_cluster(
      environment_of({{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, {"KUBERNETES_SERVICE_PORT", "443"}}),
      directory.path());
  REQUIRE(config);
  CHECK(config->server == "https://10.0.0.1:443");
  CHECK(config->default_namespace == "incidents");
  REQUIRE(make_credentials(*config, clock));
  const auto ipv6 = load_in_cluster(
      environment_of({{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "443"}}),
      directory.path());
  CHECK(ipv6->server == "https://[fd00::1]:443");
}

TEST_CASE("outside a pod, or in a broken one, in-cluster says so") {
  const ScratchDirectory directory;
  const auto load = [&](const std::string& host, const std::string& port) {
    return load_in_cluster(
        environment_of({{"KUBERNETES_SERVICE_HOST", host}, {"KUBERNETES_SERVICE_PORT", port}}),
        directory.path());
  };
  CHECK(load("", "443").error().code == ErrorCode::kNotFound);
  CHECK(load("h", "").error().code == ErrorCode::kNotFound);
  CHECK(load("h/x", "443").error().code == ErrorCode::kInvalidInput);
  CHECK(load("a@h", "443").error().code == ErrorCode::kInvalidInput);
  CHECK(load("h", "4x3").error().code == ErrorCode::kInvalidInput);
  CHECK(load("h", "443").error().object == directory.path() + "/namespace");
}
