// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/freshness.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/duration.h"
#include "base/escape.h"
#include "base/time.h"
#include "trust/crypto/refusal.h"

namespace kintsugi::trust {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxShownBytes = 128;
constexpr std::size_t kMaxNumberDigits = 18;

struct Version {
  std::vector<std::string_view> core, pre_release;
};

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_canonical_number(std::string_view text) {
  return is_number(text) && text.size() <= kMaxNumberDigits && (text.size() == 1 || text[0] != '0');
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
    parts.push_back(text.substr(0, dot));
    text.remove_prefix(dot + 1);
  }
  parts.push_back(text);
  return parts;
}

std::optional<Version> parse_version(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  text = text.substr(0, text.find('+'));
  const std::size_t dash = text.find('-');
  Version version{split(text.substr(0, dash)), {}};
  if (version.core.size() != 3 || !std::all_of(version.core.begin(), version.core.end(), is_canonical_number))
    return std::nullopt;
  if (dash == std::string_view::npos) return version;
  version.pre_release = split(text.substr(dash + 1));
  const bool is_good =
      std::all_of(version.pre_release.begin(), version.pre_release.end(), [](std::string_view part) {
        return is_number(part) ? is_canonical_number(part) : is_identifier(part);
      });
  return is_good ? std::optional(version) : std::nullopt;
}

std::strong_ordering compare_numbers(std::string_view one, std::string_view other) {
  return one.size() == other.size() ? one <=> other : one.size() <=> other.size();
}

std::strong_ordering compare_parts(std::string_view one, std::string_view other) {
  if (is_number(one) && is_number(other)) return compare_numbers(one, other);
  if (is_number(one) != is_number(other))
    return is_number(one) ? std::strong_ordering::less : std::strong_ordering::greater;
  return one <=> other;
}

tl::unexpected<Error> unknown(std::string what) {
  return refuse(reason::kAgeUnknown, std::move(what));
}

std::string ago(milliseconds age) {
  return format_duration(age);
}

Result<void> check_age(const FreshnessRule& rule, const ImageOrigin& image, WallTime now) {
  if (!rule.minimum_age && !rule.maximum_age) return {};
  if (!image.created) return unknown("the image does not say when it was made");
  const auto age = std::chrono::duration_cast<milliseconds>(now - *image.created);
  const std::string made = format_seconds(*image.created);
  if (rule.minimum_age && age < *rule.minimum_age) {
    return refuse(reason::kImageTooNew,
                  fmt::format("made at {}, and has to be at least {} old", made, ago(*rule.minimum_age)));
  }
  if (rule.maximum_age && age > *rule.maximum_age) {
    return refuse(reason::kImageTooOld,
                  fmt::format("made at {}, and may be at most {} old", made, ago(*rule.maximum_age)));
  }
  return {};
}

Result<void> check_version(const FreshnessRule& rule, const ImageOrigin& image) {
  if (rule.minimum_version.empty()) return {};
  const auto order = compare_versions(image.version, rule.minimum_version);
  const std::string shown = escape(image.version, kMaxShownBytes);
  if (!order) {
    return unknown(image.version.empty() ? "the image has no label org.opencontainers.image.version"
                                         : fmt::format("its version {} is no semantic version", shown));
  }
  if (*order >= 0) return {};
  return refuse(reason::kVersionTooLow,
                fmt::format("its version is {}, and at least {} is wanted", shown, rule.minimum_version));
}

Result<void> check_running(const ImageOrigin& image, const Result<ImageOrigin>& running) {
  if (!running) return unknown("what ran before cannot be compared: " + running.error().message);
  const ImageOrigin& before = *running;
  if (const auto order = compare_versions(image.version, before.version)) {
    if (*order >= 0) return {};
    return refuse(reason::kOlderThanRunning,
                  fmt::format("its version is {}, and {} ran before", escape(image.version, kMaxShownBytes),
                              escape(before.version, kMaxShownBytes)));
  }
  if (!image.created || !before.created)
    return unknown("neither version nor time of making tell whether it is older than what ran before");
  if (*image.created >= *before.created) return {};
  return refuse(reason::kOlderThanRunning,
                fmt::format("made at {}, and what ran before at {}", format_seconds(*image.created),
                            format_seconds(*before.created)));
}

std::optional<milliseconds> read_age(ObjectReader& reader, const char* key) {
  std::string text;
  if (!reader.string(key, text, Presence::kOptional, {.max_bytes = 32})) return std::nullopt;
  const auto age = parse_duration(text);
  if (age) return *age;
  reader.report(key, age.error().message);
  return std::nullopt;
}

}  // namespace

std::optional<std::strong_ordering> compare_versions(std::string_view one, std::string_view other) {
  const auto left = parse_version(one), right = parse_version(other);
  if (!left || !right) return std::nullopt;
  for (std::size_t i = 0; i < left->core.size(); ++i) {
    const auto order = compare_numbers(left->core[i], right->core[i]);
    if (order != 0) return order;
  }
  if (left->pre_release.empty() != right->pre_release.empty())
    return left->pre_release.empty() ? std::strong_ordering::greater : std::strong_ordering::less;
  return std::lexicographical_compare_three_way(left->pre_release.begin(), left->pre_release.end(),
                                                right->pre_release.begin(), right->pre_release.end(),
                                                compare_parts);
}

Result<void> check_freshness(const FreshnessRule& rule, const ImageOrigin& image,
                             const Result<ImageOrigin>* running, WallTime now) {
  if (auto fits = check_age(rule, image, now); !fits) return fits;
  if (auto fits = check_version(rule, image); !fits) return fits;
  if (!rule.not_older_than_running || running == nullptr) return {};
  return check_running(image, *running);
}

FreshnessRule read_freshness_rule(const Node& node, const std::string& path, ProblemList& problems) {
  FreshnessRule rule;
  ObjectReader reader(node, path, {"minimumAge", "maximumAge", "minimumVersion", "notOlderThanRunning"},
                      problems);
  rule.minimum_age = read_age(reader, "minimumAge");
  rule.maximum_age = read_age(reader, "maximumAge");
  if (rule.minimum_age && rule.maximum_age && *rule.minimum_age >= *rule.maximum_age)
    reader.report("maximumAge", "no image is older than minimumAge and not older than this");
  reader.string("minimumVersion", rule.minimum_version, Presence::kOptional, {.max_bytes = 128});
  if (!rule.minimum_version.empty() && !compare_versions(rule.minimum_version, rule.minimum_version))
    reader.report("minimumVersion", "no semantic version, such as 1.4.0 or v2.0.0-rc.1");
  reader.boolean("notOlderThanRunning", rule.not_older_than_running);
  return rule;
}

std::string fingerprint(const FreshnessRule& rule) {
  const auto count = [](const std::optional<milliseconds>& age) { return age ? age->count() : -1; };
  return fmt::format("{} {} {} {}", count(rule.minimum_age), count(rule.maximum_age),
                     rule.not_older_than_running, rule.minimum_version);
}

}  // namespace kintsugi::trust
