// SPDX-License-Identifier: Apache-2.0
#include "targets/kubernetes/readiness.h"

#include <catch2/catch.hpp>

namespace kintsugi::targets {

TEST_CASE("a workload's readiness is read as it was published") {
  const Readiness ready{true, "PolicyEvaluated", "quoted \"and\" \\n", false, "Unsigned", "no signature"};
  CHECK(parse_readiness_text(readiness_text(ready, WallTime())) == ready);
  CHECK(parse_readiness_text(readiness_text({}, WallTime())) == Readiness());
  CHECK(parse_readiness_key(readiness_key({"shop", "web.v2"})) == WorkloadName{"shop", "web.v2"});
  CHECK(readiness_key({"shop", "web", true}) == "shop.vm_web");
  CHECK(parse_readiness_key("shop.vm_web") == WorkloadName{"shop", "web", true});
}

TEST_CASE("an entry that somebody edited counts as not ready") {
  const std::string text = GENERATE("", "no JSON", "[]", "true", R"({"containable": "true", "prepared": 1})",
                                    R"({"containable": true, "containable": true})",
                                    R"({"containableReason": {}, "preparedMessage": null})");
  CHECK(parse_readiness_text(text) == Readiness());
}

TEST_CASE("a key that names no workload is passed over") {
  const std::string key = GENERATE("", "shop", ".web", "shop.", "Shop.web", "shop.we_b", "shop./web",
                                   "shop.vm_", "shop.vm_vm_web", "shop.pod_web");
  CHECK_FALSE(parse_readiness_key(key));
}

}  // namespace kintsugi::targets
