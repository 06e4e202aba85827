// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/signed_reference.h"

#include <catch2/catch.hpp>

#include "trust/crypto/reasons.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

Result<void> check(const SignedReferenceRule& rule, const char* image, const char* signed_reference) {
  return check_signed_reference(rule, ImageReference::parse(image).value(), signed_reference);
}

}  // namespace

TEST_CASE("a signature binds to the repository that it names") {
  const SignedReferenceRule rule;
  CHECK(check(rule, "r.io/shop/web:1", "r.io/shop/web"));
  CHECK(check(rule, "r.io/shop/web:1", "r.io/shop/web:2"));
  CHECK(check(rule, "nginx", "index.docker.io/library/nginx"));
  CHECK(check(rule, "nginx", "docker.io/library/nginx"));
  const char* others[] = {
      "",           "r.io/shop/we",      "r.io/shop/web/x", "r.io/shop/Web",   "s.io/shop/web",
      "shop/web",   "r.io:443/shop/web", "r.io/shop/web/",  "r.io/shop/web\n", "*",
      "r.io/shop/*"};
  for (const char* other : others) {
    INFO(other);
    const auto fits = check(rule, "r.io/shop/web:1", other);
    REQUIRE_FALSE(fits);
    CHECK(fits.error().reason == reason::kReferenceMismatch);
  }
}

TEST_CASE("a mirrored image was signed under the name of its origin") {
  const SignedReferenceRule rule{
      {{"m.io/hub", "docker.io"}, {"m.io/hub/own", "r.io/own"}, {"m.io", "quay.io"}}};
  const auto name = [&](const char* image) {
    return signed_repository(rule, ImageReference::parse(image).value());
  };
  CHECK(name("m.io/hub/library/nginx:1") == "docker.io/library/nginx");
  CHECK(name("m.io/hub/own/web") == "r.io/own/web");
  CHECK(name("m.io/hub/owner/web") == "docker.io/owner/web");
  CHECK(name("m.io/hubble/web") == "quay.io/hubble/web");
  CHECK(name("m.io.evil/hub/web") == "m.io.evil/hub/web");
  CHECK(check(rule, "m.io/hub/library/nginx", "docker.io/library/nginx"));
  CHECK_FALSE(check(rule, "m.io/hub/library/nginx", "m.io/hub/library/nginx"));
}
