// SPDX-License-Identifier: Apache-2.0
#include "trust/import/glob_import.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "trust/oci/image_reference.h"

namespace kintsugi::trust {
namespace {

using nlohmann::json;
using Outcome = GlobTranslation::Outcome;

const json& meanings() {
  static const json value = json::parse(read_file("trust/testdata/import/meanings.json", 1u << 20).value());
  return value;
}

bool selects(const GlobTranslation& translation, const std::string& image) {
  const auto reference = ImageReference::parse(image).value();
  return std::any_of(translation.globs.begin(), translation.globs.end(), [&](const std::string& glob) {
    return ImageGlob::parse(glob).value().matches(reference);
  });
}

}  // namespace

TEST_CASE("a glob that is carried over selects the images that policy-controller says it selects") {
  std::size_t exact = 0;
  for (const json& row : meanings()["globs"]) {
    const std::string glob = row["glob"];
    const auto translation = translate_glob(glob);
    INFO(glob << " " << translation.why);
    CHECK((translation.outcome == Outcome::kInvalid) == row.value("invalid", false));
    CHECK(translation.globs.empty() == (translation.outcome != Outcome::kExact));
    CHECK(translation.why.empty() == (translation.outcome == Outcome::kExact));
    if (translation.outcome == Outcome::kSelectsNothing) {
      CHECK(row["matches"].empty());
      CHECK_FALSE(row.contains("partly"));
    }
    if (translation.outcome != Outcome::kExact) continue;
    ++exact;
    CHECK_FALSE(row.contains("partly"));
    for (const std::string image : meanings()["images"]) {
      INFO(image);
      const auto& matches = row["matches"];
      CHECK(selects(translation, image) ==
            (std::find(matches.begin(), matches.end(), image) != matches.end()));
    }
  }
  CHECK(exact >= 50);
}

TEST_CASE("globs become these") {
  using Globs = std::vector<std::string>;
  const std::pair<const char*, Globs> cases[] = {
      {"**", {"**"}},
      {"*", {"docker.io/library/*"}},
      {"*/*", {"docker.io/*/*"}},
      {"**:*", {"**"}},
      {"ghcr.io/shop/**", {"ghcr.io/shop/**"}},
      {"ghcr.io/shop/*", {"ghcr.io/shop/*"}},
      {"ghcr.io/shop/*:**", {"ghcr.io/shop/*"}},
      {"ghcr.io/shop/web@*", {"ghcr.io/shop/web"}},
      {"ghcr.io/shop/web@sha256:**", {"ghcr.io/shop/web"}},
      {"ghcr.io/shop/web**", {"ghcr.io/shop/web*", "ghcr.io/shop/web*/**"}},
      {"ghcr.io/**/api*", {"ghcr.io/*/**/api*"}},
      {"**/web*", {"*/**/web*"}},
      {"index.docker.io/shop/*", {"docker.io/shop/*"}},
      {"*.example.com/**", {"*.example.com/**"}},
      {"localhost:5000/**", {"localhost:5000/**"}},
  };
  for (const auto& [glob, globs] : cases) {
    INFO(glob);
    CHECK(translate_glob(glob).globs == globs);
  }
}

TEST_CASE("globs that select nothing, or that have no counterpart, say so with advice where there is any") {
  struct Case {
    const char* glob;
    Outcome outcome;
    const char* advice;
  };
  const std::string digest = "ghcr.io/shop/web@sha256:" + std::string(64, 'a');
  const std::string cut = "ghcr.io/shop/web@sha256:" + std::string(63, 'a');
  const Case cases[] = {
      {"ghcr.io/shop/web", Outcome::kSelectsNothing, "write ghcr.io/shop/web@* in FILE"},
      {"ghcr.io/shop/web:1.2", Outcome::kSelectsNothing, "write ghcr.io/shop/web@* in FILE"},
      {"ghcr.io/shop/web:*", Outcome::kSelectsNothing, "write ghcr.io/shop/web@* in FILE"},
      {"ghcr.io/shop/web:1@*", Outcome::kSelectsNothing, "write ghcr.io/shop/web@* in FILE"},
      {cut.c_str(), Outcome::kSelectsNothing, "write ghcr.io/shop/web@* in FILE"},
      {"shop/*", Outcome::kSelectsNothing, "write index.docker.io/shop/* in FILE"},
      {"docker.io/shop/*", Outcome::kSelectsNothing, "index.docker.io"},
      {"image*", Outcome::kSelectsNothing, "write registry and repository"},
      {digest.c_str(), Outcome::kInexpressible, "leave the digest away"},
      {"ghcr.io/shop/*a", Outcome::kInexpressible, ""},
      {"ghcr.io/shop/app*b*", Outcome::kInexpressible, ""},
      {"ghcr.io/shop/app*@sha256:5*", Outcome::kInexpressible, ""},
      {"ghcr.io/sh**op/web*", Outcome::kInexpressible, ""},
      {"**demo**", Outcome::kInexpressible, ""},
      {"ghcr**", Outcome::kInexpressible, ""},
      {"*.docker.io/**", Outcome::kInexpressible, "write the registries out"},
      {"registry.*.com/**", Outcome::kInexpressible, ""},
      {"GHCR.io/**", Outcome::kInexpressible, ""},
      {"ghcr.io/shop/web?", Outcome::kInvalid, ""},
      {"ghcr.io/[a-z]*", Outcome::kInvalid, ""},
      {"ghcr.io/\x1b[31m*", Outcome::kInvalid, ""},
      {"", Outcome::kInvalid, ""},
  };
  for (const Case& one : cases) {
    const auto translation = translate_glob(one.glob);
    INFO(one.glob << " " << translation.why);
    CHECK(translation.outcome == one.outcome);
    CHECK_THAT(translation.advice, Catch::Contains(one.advice));
    CHECK(translation.why.find('\x1b') == std::string::npos);
  }
  CHECK(translate_glob("ghcr.io/" + std::string(300, 'a') + "*").outcome == Outcome::kInexpressible);
  CHECK(translate_glob(std::string(100'000, '*')).outcome == Outcome::kInexpressible);
}

TEST_CASE("globs that may select the same image are found, and told from those that cannot") {
  const std::tuple<const char*, const char*, bool> cases[] = {
      {"**", "ghcr.io/shop/web", true},
      {"*.example.com/**", "ghcr.io/shop/**", true},  // in doubt
      {"ghcr.io/shop/**", "ghcr.io/shop/web", true},
      {"ghcr.io/shop/**", "ghcr.io/*/web", true},
      {"ghcr.io/shop/web", "ghcr.io/shop/web", true},
      {"ghcr.io/shop/web", "ghcr.io/shop/website", false},
      {"ghcr.io/shop/web", "ghcr.io/shop/web/**", false},
      {"ghcr.io/shop/**", "ghcr.io/other/**", false},
      {"ghcr.io/shop/web*", "ghcr.io/shop/api*", false},
      {"ghcr.io/**", "gcr.io/**", false},
      {"ghcr.io/shop", "ghcr.io/shop/*", false},
  };
  for (const auto& [one, other, expected] : cases) {
    INFO(one << " " << other);
    CHECK(may_overlap(one, other) == expected);
    CHECK(may_overlap(other, one) == expected);
  }
}

}  // namespace kintsugi::trust
