// SPDX-License-Identifier: Apache-2.0
#include "sandbox/oci_registry.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "net/curl_transport.h"

using namespace kintsugi;
using namespace kintsugi::sandbox;
using nlohmann::json;

namespace {

bool verifies(const std::string& pem, const std::string& bytes, const std::string& signature) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                          bytes.size()) == 1;
}

struct World {
  World() { REQUIRE(registry.start("127.0.0.1", 0, log)); }
  net::HttpResponse send(const std::string& method, const std::string& path) {
    net::HttpRequest request;
    request.method = method;
    request.url = "http://" + registry.host() + path;
    auto response = transport->send(request, {});
    REQUIRE(response);
    return *response;
  }
  std::string get(const std::string& path) {
    const auto response = send("GET", path);
    REQUIRE(response.status == 200);
    return response.body;
  }
  SystemClock clock;
  Logger log{clock, LogLevel::kError, standard_error_writer()};
  std::unique_ptr<net::HttpTransport> transport = net::make_curl_transport({});
  OciRegistry registry;
  PushedImage image = registry.push_image("shop/web", "1.0", "content");
};

}  // namespace

TEST_CASE("an image is served by tag and digest, down to its layers") {
  World world;
  const std::string index = world.get("/v2/shop/web/manifests/1.0");
  CHECK("sha256:" + sha256_hex(index) == world.image.index);
  CHECK(world.get("/v2/shop/web/manifests/" + world.image.index) == index);
  CHECK(json::parse(index)["manifests"].size() == 2);
  const json manifest = json::parse(world.get("/v2/shop/web/manifests/" + world.image.manifest));
  CHECK(manifest["config"]["digest"] == world.image.config);
  CHECK(world.get("/v2/shop/web/blobs/" + manifest["layers"][0]["digest"].get<std::string>()) == "content");
  const auto head = world.send("HEAD", "/v2/shop/web/manifests/1.0");
  CHECK(*head.headers.find("Docker-Content-Digest") == world.image.index);
  CHECK(*head.headers.find("Content-Type") == "application/vnd.oci.image.index.v1+json");
}

TEST_CASE("what is not there is 404 with the registry's error") {
  World world;
  for (const char* path :
       {"/v2/shop/web/manifests/2.0", "/v2/shop/none/manifests/1.0", "/v2/shop/web/blobs/sha256:0",
        "/v2/shop/web", "/", "/v2//manifests/", "/v2/shop/web/manifests/"}) {
    INFO(path);
    CHECK(world.send("GET", path).status == 404);
  }
  CHECK(world.send("PUT", "/v2/shop/web/manifests/1.0").status == 405);
  CHECK(json::parse(world.send("GET", "/v2/shop/web/manifests/2.0").body)["errors"][0]["code"] ==
        "MANIFEST_UNKNOWN");
}

TEST_CASE("signatures are in cosign's layout and verify") {
  World world;
  const SigningKey key, other;
  world.registry.sign("shop/web", world.image.index, key);
  world.registry.sign("shop/web", world.image.index, other);
  const std::string tag = "sha256-" + world.image.index.substr(7) + ".sig";
  const json manifest = json::parse(world.get("/v2/shop/web/manifests/" + tag));
  REQUIRE(manifest["layers"].size() == 2);
  const json& layer = manifest["layers"][0];
  CHECK(layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json");
  const std::string payload = world.get("/v2/shop/web/blobs/" + layer["digest"].get<std::string>());
  CHECK(json::parse(payload)["critical"]["image"]["docker-manifest-digest"] == world.image.index);
  const auto signature =
      base64_decode(layer["annotations"]["dev.cosignproject.cosign/signature"].get<std::string>());
  REQUIRE(signature);
  CHECK(verifies(key.pem(), payload, *signature));
  CHECK_FALSE(verifies(other.pem(), payload, *signature));
}

TEST_CASE("a repository fails as it is told") {
  World world;
  using Failure = OciRegistry::Failure;
  const std::string path = "/v2/shop/web/manifests/" + world.image.index;
  const auto status = [&](Failure failure) {
    world.registry.set_failure("shop/web", failure);
    return world.send("GET", path).status;
  };
  CHECK(status(Failure::kServerError) == 500);
  CHECK_FALSE(world.registry.pull(world.registry.host() + "/shop/web:1.0"));
  CHECK(status(Failure::kWrongDigest) == 200);
  CHECK("sha256:" + sha256_hex(world.send("GET", path).body) != world.image.index);
  CHECK(status(Failure::kNone) == 200);
}

TEST_CASE("the runtime reports the digest in the form that was chosen") {
  World world;
  using ImageId = OciRegistry::ImageId;
  const std::string name = world.registry.host() + "/shop/web";
  CHECK(*world.registry.pull(name + ":1.0") == name + "@" + world.image.index);
  CHECK(*world.registry.pull(name + ":1.0@" + world.image.manifest) == name + "@" + world.image.manifest);
  world.registry.set_image_id(ImageId::kPlatformManifest);
  CHECK(*world.registry.pull(name + "@" + world.image.index) == name + "@" + world.image.manifest);
  world.registry.set_image_id(ImageId::kConfig);
  CHECK(*world.registry.pull(name + ":1.0") == world.image.config);
  CHECK(*world.registry.pull("docker.io/library/nginx:1") == "docker.io/library/nginx:1");
  for (const char* missing : {":2.0", "@sha256:0", ""}) CHECK_FALSE(world.registry.pull(name + missing));
}
