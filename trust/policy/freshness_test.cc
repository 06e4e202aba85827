// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/freshness.h"

#include <catch2/catch.hpp>

#include "base/time.h"
#include "trust/crypto/reasons.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace std::chrono_literals;

namespace {

const WallTime kNow = parse_rfc3339("2026-11-22T00:00:00Z").value();

FreshnessRule read(const std::string& text, std::string& problem) {
  ProblemList problems("a.yaml");
  const auto document = parse_yaml_document(text);
  REQUIRE(document);
  FreshnessRule rule = read_freshness_rule(*document, "spec.freshness", problems);
  problem = problems.empty() ? "" : problems.all().front().to_string();
  return rule;
}

FreshnessRule read(const std::string& text) {
  std::string problem;
  FreshnessRule rule = read(text, problem);
  CHECK(problem.empty());
  return rule;
}

ImageOrigin made(std::chrono::hours ago, std::string version = {}) {
  return {kNow - ago, std::move(version)};
}

/// "" where the rule is content.
std::string reason_of(const FreshnessRule& rule, const ImageOrigin& image,
                      const Result<ImageOrigin>* running = nullptr) {
  const auto fits = check_freshness(rule, image, running, kNow);
  return fits ? "" : fits.error().reason;
}

}  // namespace

TEST_CASE("versions have the order of Semantic Versioning") {
  const char* ascending[] = {
      "0.0.1",      "0.1.0",        "1.0.0-alpha",   "1.0.0-alpha.1", "1.0.0-alpha.beta",
      "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",    "v1.0.0",
      "1.0.1+b7",   "1.2.0",        "1.10.0",        "10.0.0"};
  for (std::size_t i = 0; i < std::size(ascending); ++i) {
    for (std::size_t k = 0; k < std::size(ascending); ++k) {
      INFO(ascending[i] << " and " << ascending[k]);
      const auto order = compare_versions(ascending[i], ascending[k]);
      REQUIRE(order);
      CHECK((*order < 0) == (i < k));
      CHECK((*order == 0) == (i == k));
    }
  }
  CHECK(compare_versions("1.0.0+a", "v1.0.0+b") == std::strong_ordering::equal);
}

TEST_CASE("what is no semantic version is compared with nothing") {
  const char* text = GENERATE("", "1", "1.2", "1.2.3.4", "1.2.x", "01.2.3", "1.02.3", "1.2.-3", "1.2.3-",
                              "1.2.3-a..b", "1.2.3-01", "1.2.3-a_b", " 1.2.3", "1.2.3 ", "latest", "vv1.2.3",
                              "1.2.3\n", "1234567890123456789.0.0", "2026-11-22");
  INFO(text);
  CHECK_FALSE(compare_versions(text, "1.2.3"));
  CHECK_FALSE(compare_versions("1.2.3", text));
}

TEST_CASE("an image may have to be so old, and no older") {
  const FreshnessRule rule = read("{minimumAge: 1d, maximumAge: 30d}");
  CHECK(reason_of(rule, made(24h)) == "");
  CHECK(reason_of(rule, made(23h)) == reason::kImageTooNew);
  CHECK(reason_of(rule, made(-24h)) == reason::kImageTooNew);
  CHECK(reason_of(rule, made(720h)) == "");
  CHECK(reason_of(rule, made(721h)) == reason::kImageTooOld);
  CHECK(reason_of(rule, {}) == reason::kAgeUnknown);
}

TEST_CASE("an image may have to be of some version at least") {
  const FreshnessRule rule = read("{minimumVersion: v1.4.0}");
  CHECK(reason_of(rule, made(1h, "1.4.0")) == "");
  CHECK(reason_of(rule, {std::nullopt, "v2.0.0-rc.1"}) == "");
  CHECK(reason_of(rule, made(1h, "1.3.9")) == reason::kVersionTooLow);
  CHECK(reason_of(rule, made(1h, "1.4.0-rc.1")) == reason::kVersionTooLow);
  CHECK(reason_of(rule, made(1h, "")) == reason::kAgeUnknown);
  CHECK(reason_of(rule, made(1h, "latest")) == reason::kAgeUnknown);
}

TEST_CASE("an image may have to be no older than what it takes the place of") {
  const FreshnessRule rule = read("{notOlderThanRunning: true}");
  const auto after = [&](const ImageOrigin& image, const Result<ImageOrigin>& running) {
    return reason_of(rule, image, &running);
  };
  CHECK(reason_of(rule, {}) == "");
  CHECK(after(made(5h), made(5h)) == "");
  CHECK(after(made(4h), made(5h)) == "");
  CHECK(after(made(6h), made(5h)) == reason::kOlderThanRunning);
  CHECK(after(made(6h, "1.3.0"), made(5h, "1.2.0")) == "");
  CHECK(after(made(4h, "1.2.9"), made(5h, "1.3.0")) == reason::kOlderThanRunning);
  CHECK(after(made(6h, "latest"), made(5h, "1.2.0")) == reason::kOlderThanRunning);
  CHECK(after({}, made(5h)) == reason::kAgeUnknown);
  CHECK(after(made(5h), ImageOrigin{}) == reason::kAgeUnknown);
  CHECK(after(made(5h), fail(ErrorCode::kNotFound, "gone")) == reason::kAgeUnknown);
  CHECK(reason_of(read("{minimumAge: 1h}"), made(6h)) == "");
}

TEST_CASE("a mistake in a rule of age is named with its place") {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "spec.freshness"},
      {"{minimumage: 1d}", "did you mean 'minimumAge'"},
      {"{minimumAge: soon}", "spec.freshness.minimumAge"},
      {"{minimumAge: 0}", "minimumAge"},
      {"{maximumAge: -1d}", "maximumAge"},
      {"{maximumAge: 11000d}", "maximumAge"},
      {"{minimumAge: 2d, maximumAge: 1d}", "no image is older"},
      {"{minimumVersion: '1.4'}", "no semantic version"},
      {"{minimumVersion: 1.4}", "minimumVersion"},
      {"{notOlderThanRunning: yes}", "notOlderThanRunning"}};
  for (const auto& [text, expected] : cases) {
    INFO(text);
    std::string problem;
    read(text, problem);
    CHECK_THAT(problem, Catch::Contains(expected));
  }
}
