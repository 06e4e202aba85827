// SPDX-License-Identifier: Apache-2.0
#include "trust/oci/image_reference.h"

#include <catch2/catch.hpp>
#include <string>

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

bool selects(const std::string& glob, const std::string& image) {
  return ImageGlob::parse(glob).value().matches(ImageReference::parse(image).value());
}

}  // namespace

TEST_CASE("image references are normalised") {
  struct Case {
    std::string text, normal;
  };
  const auto c = GENERATE(values<Case>({
      {"nginx", "docker.io/library/nginx:latest"},
      {"nginx:1.27", "docker.io/library/nginx:1.27"},
      {"shop/web", "docker.io/shop/web:latest"},
      {"docker.io/nginx", "docker.io/library/nginx:latest"},
      {"index.docker.io/shop/web:1", "docker.io/shop/web:1"},
      {"localhost/web", "localhost/web:latest"},
      {"localhost:5000/web", "localhost:5000/web:latest"},
      {"registry.example.com/shop/web:1.2", "registry.example.com/shop/web:1.2"},
      {"Registry.Example.COM/shop/web:1.2", "registry.example.com/shop/web:1.2"},
      {"10.0.0.1:5000/a/b/c", "10.0.0.1:5000/a/b/c:latest"},
      {"[::1]:5000/web", "[::1]:5000/web:latest"},
      {"[fe80::1]/web", "[fe80::1]/web:latest"},
      {"r.io/a-b--c.d_e__f", "r.io/a-b--c.d_e__f:latest"},
      {"web@" + kDigest, "docker.io/library/web@" + kDigest},
      {"r.io/web:v1@" + kDigest, "r.io/web:v1@" + kDigest},
      {"r.io/web:_A.b-C", "r.io/web:_A.b-C"},
      {"nginx:5000", "docker.io/library/nginx:5000"},
  }));
  INFO(c.text);
  const auto image = ImageReference::parse(c.text);
  REQUIRE(image);
  CHECK(image->to_string() == c.normal);
  CHECK(ImageReference::parse(c.normal).value() == *image);
}

TEST_CASE("what is not an image reference is refused") {
  const std::string text = GENERATE_COPY(values<std::string>({"",
                                                              ":",
                                                              "@",
                                                              "/",
                                                              "a/",
                                                              "/a",
                                                              "a//b",
                                                              "Web",
                                                              "r.io/Web",
                                                              "r.io/a/B",
                                                              "-a",
                                                              "a-",
                                                              "a..b",
                                                              "a.-b",
                                                              "a___b",
                                                              "_a",
                                                              "a b",
                                                              " a",
                                                              "a\n",
                                                              "a:",
                                                              "a:-b",
                                                              "a:.b",
                                                              "a:b:c",
                                                              "a:b/c:d:e",
                                                              "a@",
                                                              "a@sha256:",
                                                              "a@sha256:" + kHex.substr(1),
                                                              "a@" + kDigest + "0",
                                                              "a@SHA256:" + kHex,
                                                              "a@sha256:" + std::string(64, 'A'),
                                                              "a@sha512:" + kHex + kHex,
                                                              "a@md5:0123",
                                                              "a@" + kDigest + "@" + kDigest,
                                                              "a@" + kDigest + ":tag",
                                                              "r.io:0/a",
                                                              "r.io:65536/a",
                                                              "r.io:/a",
                                                              "r.io:05000/a",
                                                              "r.io:x/a",
                                                              "r..io/a",
                                                              ".r.io/a",
                                                              "r.io./a",
                                                              "-r.io/a",
                                                              "[::1/a",
                                                              "[]/a",
                                                              "[g::1]/a",
                                                              "http://r.io/a",
                                                              "r.io/a?b",
                                                              "r.io/a#b",
                                                              "r.io/a%20b",
                                                              "r.io/../a",
                                                              "r.io/./a",
                                                              "r.io",
                                                              "user@r.io/a",
                                                              "r.io/\xc3\xa9",
                                                              "a:" + std::string(129, 'b'),
                                                              kHex,
                                                              std::string("a\0b", 3)}));
  INFO(text);
  if (text == "r.io") {
    // A single element is a repository on Docker Hub, whatever it looks like.
    CHECK(ImageReference::parse(text).value().to_string() == "docker.io/library/r.io:latest");
    return;
  }
  CHECK_FALSE(ImageReference::parse(text));
}

TEST_CASE("image references are bounded") {
  CHECK(ImageReference::parse("r.io/" + std::string(250, 'a')));
  CHECK(ImageReference::parse("r.io/" + std::string(251, 'a')).error().code == ErrorCode::kTooLarge);
  CHECK(ImageReference::parse(std::string(2000, 'a')).error().code == ErrorCode::kTooLarge);
}

TEST_CASE("errors of image references do not repeat control characters") {
  const auto image = ImageReference::parse("a\x1b[31m:b");
  REQUIRE_FALSE(image);
  CHECK(image.error().message.find('\x1b') == std::string::npos);
}

TEST_CASE("globs select by registry and path elements") {
  CHECK(selects("registry.example.com/shop/**", "registry.example.com/shop/web:1"));
  CHECK(selects("registry.example.com/shop/**", "registry.example.com/shop/a/b/c@" + kDigest));
  CHECK(selects("registry.example.com/*/web", "registry.example.com/shop/web"));
  CHECK(selects("registry.example.com/shop/web-*", "registry.example.com/shop/web-front"));
  CHECK(selects("registry.example.com/**/web", "registry.example.com/web"));
  CHECK(selects("registry.example.com/**/web", "registry.example.com/a/b/web"));
  CHECK(selects("**", "nginx"));
  CHECK(selects("**", "localhost:5000/a/b"));
  CHECK(selects("*/shop/web", "r.io/shop/web"));
  CHECK(selects("*.example.com/**", "eu.example.com/a"));
  CHECK(selects("docker.io/library/*", "nginx"));
  CHECK(selects("index.docker.io/library/nginx", "nginx"));
  CHECK(selects("localhost:5000/**", "localhost:5000/web"));
}

TEST_CASE("globs do not select what lies beside") {
  CHECK_FALSE(selects("registry.example.com/shop/**", "registry.example.com/shop"));
  CHECK_FALSE(selects("registry.example.com/shop/**", "registry.example.com/shopping/web"));
  CHECK_FALSE(selects("registry.example.com/shop/*", "registry.example.com/shop/a/b"));
  CHECK_FALSE(selects("registry.example.com/shop/**", "registry.example.com.evil.io/shop/web"));
  CHECK_FALSE(selects("registry.example.com/shop/**", "evil.io/registry.example.com/shop/web"));
  CHECK_FALSE(selects("registry.example.com/shop/**", "registry.example.com:5000/shop/web"));
  CHECK_FALSE(selects("registry.example.com/web", "registry.example.com/web2"));
  CHECK_FALSE(selects("registry.example.com/web*", "registry.example.com/we"));
  CHECK_FALSE(selects("*.example.com/**", "example.com/a"));
  CHECK_FALSE(selects("*.example.com/**", "evil-example.com/a"));
  CHECK_FALSE(selects("docker.io/library/*", "shop/web"));
  CHECK_FALSE(selects("registry.example.com/**/web", "registry.example.com/a/webx"));
}

TEST_CASE("matching a hostile glob takes no exponential time") {
  const std::string stars = "r.io/" + std::string("a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b");
  CHECK_FALSE(selects(stars, "r.io/" + std::string(240, 'a')));
}

TEST_CASE("what is no glob is refused") {
  const std::string text =
      GENERATE(values<std::string>({"",         "nginx",      "shop/web", "r.io",       "*",
                                    "*.io",     "r.io/",      "r.io//a",  "r.io/web:1", "r.io/web@sha256:aa",
                                    "r.io/a**", "r.io/**a",   "r.io/A",   "r*.io/a",    "registry.*/a",
                                    "*.*.io/a", "**.io/a",    "r.io/a b", "R.io/a",     "r.io/[ab]",
                                    "r.io/a?",  "r.io/{a,b}", "!r.io/a",  "r.io/.*"}));
  INFO(text);
  CHECK_FALSE(ImageGlob::parse(text));
}

TEST_CASE("a glob without a registry is answered with the one that is meant") {
  CHECK_THAT(ImageGlob::parse("nginx").error().advice, Catch::Contains("docker.io/library/nginx"));
  CHECK_THAT(ImageGlob::parse("shop/*").error().advice, Catch::Contains("docker.io/shop/*"));
  CHECK_THAT(ImageGlob::parse("r.io").error().advice, Catch::Contains("r.io/**"));
}

TEST_CASE("the digest of an imageID is found in each form that runtimes report") {
  for (const std::string prefix :
       {"", "docker://", "registry.example.com/shop/web@", "web@", "docker-pullable://web@",
        "docker-pullable://localhost:5000/a/b@", "[::1]:5000/web@"}) {
    INFO(prefix);
    REQUIRE(digest_of_image_id(prefix + kDigest));
    CHECK(digest_of_image_id(prefix + kDigest)->text() == kDigest);
  }
}

TEST_CASE("an imageID without a digest proves nothing") {
  const std::string id = GENERATE_COPY(values<std::string>(
      {"", "web", "web:1", kHex, "docker://" + kHex, "docker://web", "web@", "@" + kDigest,
       "web@sha256:", "web@sha512:" + kHex + kHex, "web@" + kDigest + "0", "web@" + kDigest + "@",
       kDigest + "@web", " " + kDigest, kDigest + "\n", "sha256:" + std::string(64, 'A'),
       "docker://docker://" + kDigest, "image://" + kDigest}));
  INFO(id);
  CHECK_FALSE(digest_of_image_id(id));
}
