// SPDX-License-Identifier: Apache-2.0
//
// What tests of the verifier stand in.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "trust/policy/verifier.h"
#include "trust/testing/cosign.h"
#include "trust/testing/fake_registry.h"

namespace kintsugi::trust::testing {

inline constexpr char kImage[] = "r.example.com/shop/web:1";
inline constexpr char kRepository[] = "shop/web";

inline TrustPolicy policy_of(const std::string& name, const std::string& images,
                             const std::vector<std::string>& pems) {
  TrustPolicySpec spec;
  spec.name = name;
  spec.images = {ImageGlob::parse(images).value()};
  for (const std::string& pem : pems) {
    AuthoritySpec authority;
    authority.key.text = pem;
    spec.authorities.push_back(authority);
  }
  return resolve_references(spec, nullptr);
}

/// A verifier, and a registry that holds shop/web:1.
struct World {
  FakeRegistry registry;
  SkippingClock clock;
  RegistryClient client{registry, clock};
  VerdictCache cache{clock};
  Verifier verifier{client, cache, clock};
  SigningKey key;
  Digest digest = registry.put_image(kRepository, "1");
  std::vector<TrustPolicy> policies = {policy_of("release", "r.example.com/shop/**", {key.pem()})};

  Verdict verify(const std::string& image = kImage) {
    return verifier.verify(image, policies, {clock.monotonic() + std::chrono::seconds(60), {}});
  }
  std::string reason_for(const std::string& image = kImage) { return verify(image).reason; }
  FakeRegistry::Layer layer(const SigningKey& signer, const Digest& image) const {
    const std::string payload = cosign_payload(image);
    return {payload, base64_encode(signer.sign(payload))};
  }
};

/// Answers `path` with `with`, everything else honestly.
inline void answer(World& world, const std::string& path, net::HttpResponse with) {
  world.registry.intercept = [path, with = std::move(with)](const net::HttpRequest& request) {
    return request.url.find(path) == std::string::npos ? FakeRegistry::Answer() : FakeRegistry::Answer(with);
  };
}

inline std::string data(const std::string& name) {
  return read_file("trust/testdata/" + name, 1u << 20).value();
}

inline constexpr char kTestImage[] =
    "r.example.com/shop/it@sha256:3b75d56b3ff6ac3ee71264cac36add5f613dbbb603bd062ad3b01a8f59f89a75";

inline TrustPolicy keyless_policy(const std::string& subject, const std::string& issuer,
                                  const std::string& root = "images/keyless/trusted_root.json") {
  TrustPolicySpec spec;
  spec.name = "release";
  spec.images = {ImageGlob::parse("**").value()};
  AuthoritySpec authority;
  authority.kind = AuthoritySpec::Kind::kKeyless;
  authority.name = "ci";
  authority.identity = {TextRule::exactly(issuer), TextRule::exactly(subject), {}};
  authority.trusted_roots = {{TextReference::Source::kInline, data(root), {}}};
  spec.authorities = {authority};
  return resolve_references(spec, nullptr);
}

}  // namespace kintsugi::trust::testing
