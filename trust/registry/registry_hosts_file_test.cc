// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_hosts_file.h"

#include <catch2/catch.hpp>

using namespace kintsugi;
using namespace kintsugi::trust;

TEST_CASE("how registries are reached is read in all its forms") {
  const auto read = parse_registry_hosts(R"(
mirrors:
  - {prefix: docker.io/library, mirror: mirror.corp/dockerhub/library}
hosts:
  - {host: "registry.corp:5000", caFile: /etc/ca.pem, proxyURL: "http://proxy.corp:3128"}
  - {host: plain.corp, allowHTTP: true}
)",
                                         "hosts.yaml");
  REQUIRE(read);
  REQUIRE(read->mirrors.size() == 1);
  CHECK(read->mirrors.front().prefix == "docker.io/library");
  CHECK(read->mirrors.front().mirror == "mirror.corp/dockerhub/library");
  REQUIRE(read->hosts.size() == 2);
  CHECK(read->hosts.front().host == "registry.corp:5000");
  CHECK(read->hosts.front().ca_file == "/etc/ca.pem");
  CHECK(read->hosts.front().proxy_url == "http://proxy.corp:3128");
  CHECK(read->http_hosts == std::set<std::string>{"plain.corp"});
  CHECK(parse_registry_hosts("{}", "hosts.yaml")->hosts.empty());
}

TEST_CASE("a mistake about registries is named with its place") {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "object"},
      {"mirror: []", "did you mean 'mirrors'?"},
      {"mirrors: {}", "mirrors"},
      {"mirrors: [{prefix: docker.io}]", "mirrors[0]: 'mirror' is required"},
      {"mirrors: [{prefix: docker.io, mirror: m.corp, weight: 1}]", "unknown key 'weight'"},
      {"mirrors: [{prefix: '', mirror: m.corp/x}]", "hosts.yaml"},
      {"hosts: [{}]", "hosts[0]: 'host' is required"},
      {"hosts: [{host: a, allowHttp: true}]", "did you mean 'allowHTTP'?"},
      {"hosts: [{host: a, allowHTTP: 'yes'}]", "allowHTTP"},
      {"hosts: [{host: a, keyFile: /k}]", "needed together"},
      {"hosts: [{host: a, certificateFile: /nonexistent, keyFile: /nonexistent}]", "/nonexistent"},
      {"hosts: [", "hosts.yaml"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    const auto read = parse_registry_hosts(text, "hosts.yaml");
    REQUIRE_FALSE(read);
    CHECK_THAT(read.error().to_string(), Catch::Contains(expected));
  }
  CHECK(read_registry_hosts("/nonexistent").error().code == ErrorCode::kNotFound);
}
