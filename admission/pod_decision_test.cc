// SPDX-License-Identifier: Apache-2.0
#include "admission/pod_decision.h"

#include <catch2/catch.hpp>

namespace kintsugi::admission {
namespace {

const auto kDigest = *trust::Digest::parse("sha256:" + std::string(64, 'a'));

JudgedImage accepted(const std::string& image) {
  trust::Verdict verdict;
  verdict.accepted = true;
  verdict.digest = kDigest;
  verdict.reason = "Verified";
  return {image, verdict};
}

JudgedImage refused(const std::string& image, const std::string& reason, bool retryable = false) {
  trust::Verdict verdict;
  verdict.reason = reason;
  verdict.message = "no signature";
  verdict.policy = "release";
  verdict.retryable = retryable;
  return {image, verdict};
}

PodAnswer decide(std::vector<JudgedImage> images, Failure failure = Failure::kOpen) {
  return decide_pod(images, failure);
}

}  // namespace

TEST_CASE("a pod is allowed where each image is accepted, or has none") {
  const std::string by_digest = "shop/web@" + kDigest.text();
  CHECK(decide({}).is_allowed);
  CHECK(decide({accepted(by_digest)}).is_allowed);
  CHECK(decide({accepted(by_digest)}).warnings.empty());
  CHECK_FALSE(decide({accepted(by_digest), refused("b", "SignatureMissing")}).is_allowed);
}

TEST_CASE("a refusal names image, policy and reason, whatever the namespace asks for") {
  for (const Failure failure : {Failure::kOpen, Failure::kClosed}) {
    const PodAnswer answer =
        decide({refused("b:1", "SignatureMissing"), refused("c\n", "NoMatchingPolicy")}, failure);
    CHECK_FALSE(answer.is_allowed);
    CHECK(answer.message ==
          "only verified images may start here during and after an incident: image b:1 is refused by trust "
          "policy "
          "release: SignatureMissing: no signature; image c\\n is refused by trust policy release: "
          "NoMatchingPolicy: no signature");
  }
}

TEST_CASE("an image that cannot be judged passes where the namespace is fail-open only") {
  const PodAnswer open = decide({refused("b", "RegistryUnavailable", true)}, Failure::kOpen);
  CHECK(open.is_allowed);
  REQUIRE(open.warnings.size() == 1);
  CHECK(open.warnings[0].find("not verified") != std::string::npos);
  const PodAnswer closed = decide({refused("b", "RegistryUnavailable", true)}, Failure::kClosed);
  CHECK_FALSE(closed.is_allowed);
  CHECK(closed.message.find("RegistryUnavailable") != std::string::npos);
}

TEST_CASE("warnings of policies are passed on, and a tag is one") {
  JudgedImage image = accepted("shop/web:1");
  image.verdict.warnings = {"policy trial would refuse it"};
  const PodAnswer answer = decide({image});
  CHECK(answer.is_allowed);
  CHECK(answer.warnings ==
        std::vector<std::string>{
            "image shop/web:1: policy trial would refuse it",
            "image shop/web:1 may become another one than was verified: name it by " + kDigest.text()});
}

}  // namespace kintsugi::admission
