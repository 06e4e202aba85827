// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/credential_scope.h"

#include <catch2/catch.hpp>

using namespace kintsugi::trust;

namespace {

bool matches(const std::string& key, const std::string& image) {
  return CredentialScope(key).matches(ImageReference::parse(image).value());
}

bool is_preferred(const std::string& a, const std::string& b) {
  return CredentialScope(a).is_more_specific_than(CredentialScope(b));
}

}  // namespace

TEST_CASE("keys of docker configs select images as the kubelet reads them") {
  for (const auto& [key, image] : std::vector<std::pair<std::string, std::string>>{
           {"*.azurecr.io", "my.azurecr.io/a"},
           {"registry-*.example.com:5000", "registry-7.example.com:5000/a"},
           {"registry*.example.com:5000", "registry.example.com:5000/a"},
           {"k8s.*.io/team", "k8s.gcr.io/team/a"},
           {"*.*", "a.io/a"},
           {"*", "localhost/a"},
           {"*:5000", "localhost:5000/a"},
           {"https://*.example.com/v1/", "r.example.com/a"},
           {"R.Example.com/a", "r.example.com/a"},
           {"index.docker.io", "nginx"},
           {"https://index.docker.io/v1/", "nginx"},
           {"registry-1.docker.io/library", "nginx"},
           {"docker.io/library/nginx", "nginx"},
           {"*.io", "nginx"},
           {"[::1]:5000", "[::1]:5000/a"}}) {
    INFO(key << " " << image);
    CHECK(matches(key, image));
  }
}

TEST_CASE("keys select nothing beside their label, port or path") {
  for (const auto& [key, image] : std::vector<std::pair<std::string, std::string>>{
           {"*.azurecr.io", "azurecr.io/a"},
           {"*.azurecr.io", "a.b.azurecr.io/a"},
           {"*.azurecr.io", "my.azurecr.io.evil.io/a"},
           {"*.azurecr.io", "evil.io/my.azurecr.io/a"},
           {"*.azurecr.io", "my.azurecr.io:5000/a"},
           {"*.azurecr.io:5000", "my.azurecr.io/a"},
           {"*.azurecr.io:*", "my.azurecr.io:5000/a"},
           {"*.azurecr.io:50*", "my.azurecr.io:5000/a"},
           {"registry-*.example.com:5000", "registry.example.com:5000/a"},
           {"registry-*.example.com:5000", "registry-a.b.example.com:5000/a"},
           {"*", "r.io/a"},
           {"*.*", "a.b.io/a"},
           {"r.io/team", "r.io/teams/a"},
           {"r.io/team/a", "r.io/team"},
           {"r.io/*", "r.io/team/a"},
           {"r.io/te*", "r.io/team/a"},
           {"?.io", "r.io/a"},
           {"docker.io/nginx", "nginx"},
           {"docker.io", "docker.io.evil.io/a"},
           {"", "r.io/a"},
           {"/", "r.io/a"},
           {"[::*]:5000", "[::1]:5001/a"}}) {
    INFO(key << " " << image);
    CHECK_FALSE(matches(key, image));
  }
}

TEST_CASE("a written-out host comes before a glob, then the longer path, then the longer host") {
  CHECK(is_preferred("my.azurecr.io", "*.azurecr.io/team/web"));
  CHECK(is_preferred("my.azurecr.io/team", "my.azurecr.io"));
  CHECK(is_preferred("*.azurecr.io/team", "m*.azurecr.io"));
  CHECK(is_preferred("m*.azurecr.io", "*.azurecr.io"));
  CHECK(is_preferred("*.azurecr.io", "*.*.io"));
  CHECK_FALSE(is_preferred("*.azurecr.io", "my.azurecr.io"));
  CHECK_FALSE(is_preferred("my.azurecr.io", "my.azurecr.io"));
  CHECK_FALSE(is_preferred("docker.io", "https://index.docker.io/v1/"));
  CHECK_FALSE(is_preferred("https://index.docker.io/v1/", "docker.io"));
}
