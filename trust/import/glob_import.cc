// SPDX-License-Identifier: Apache-2.0
#include "trust/import/glob_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/escape.h"
#include "trust/oci/image_reference.h"

namespace kintsugi::trust {
namespace {

using Outcome = GlobTranslation::Outcome;
using Elements = std::vector<std::string>;

constexpr std::string_view kDockerHub = "docker.io";
constexpr std::string_view kDockerHubThere = "index.docker.io";
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kDigestCharacters = "@sha256:0123456789abcdef";
constexpr std::size_t kDigestHexDigits = 64;
constexpr std::size_t kMaxShownBytes = 128;

GlobTranslation refuse(Outcome outcome, std::string_view glob, std::string_view why,
                       std::string advice = {}) {
  return {outcome, {}, fmt::format("\"{}\" {}", escape(glob, kMaxShownBytes), why), std::move(advice)};
}

GlobTranslation selects_nothing(std::string_view glob, std::string advice) {
  return refuse(Outcome::kSelectsNothing, glob,
                "selects nothing in policy-controller, which compares it with registry/repository@sha256:…",
                std::move(advice));
}

bool is_valid(std::string_view glob) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_:/*.@").find(c) != std::string_view::npos;
  };
  return !glob.empty() && std::all_of(glob.begin(), glob.end(), fits);
}

Elements split(std::string_view glob) {
  Elements elements;
  for (std::size_t start = 0;;) {
    const std::size_t end = glob.find('/', start);
    elements.emplace_back(glob.substr(start, end - start));
    if (end == std::string_view::npos) return elements;
    start = end + 1;
  }
}

std::string join(const Elements& elements) {
  return fmt::format("{}", fmt::join(elements, "/"));
}

bool has_star(std::string_view text) {
  return text.find('*') != std::string_view::npos;
}

/// Removes a suffix that stands for the digest and nothing else.
bool take_any_digest(std::string_view& glob) {
  for (const std::string_view suffix : {"@sha256:**", "@sha256:*", "@**", "@*"}) {
    if (!glob.ends_with(suffix)) continue;
    glob.remove_suffix(suffix.size());
    return true;
  }
  return false;
}

/// After a star, ":*" finds the ":" of the digest, always.
void take_any_tag(std::string_view& glob) {
  for (const std::string_view suffix : {"*:**", "*:*"}) {
    if (!glob.ends_with(suffix)) continue;
    glob.remove_suffix(suffix.size() - 1);
    return;
  }
}

/// `glob` ends with something else than a star: whether a digest can end so.
bool can_end_digest(std::string_view glob) {
  const std::string_view end = glob.substr(glob.rfind('*') + 1);
  const std::string_view hex = end.substr(end.size() - std::min(end.size(), kDigestHexDigits));
  return hex.find_first_not_of(kHexDigits) == std::string_view::npos;
}

/// `last`, which ends with a star, may match otherwise than by the repository's name: by a text after an
/// earlier star that the digest can have, too.
bool may_match_digest(std::string_view last) {
  last = last.substr(0, last.find_last_not_of('*') + 1);
  const std::size_t star = last.rfind('*');
  return star != std::string_view::npos &&
         last.find_first_not_of(kDigestCharacters, star + 1) == std::string_view::npos;
}

/// The elements with "**" as ImageGlob has it: before another element, at least one there is "*", "**" here.
Elements with_deep_stars(const Elements& elements) {
  Elements out;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (elements[i] == "**" && i + 1 < elements.size()) out.emplace_back("*");
    out.push_back(elements[i]);
  }
  return out;
}

/// "app**" at the end: "app*", and whatever is below it.
std::vector<Elements> variants_of(Elements elements) {
  const std::string& last = elements.back();
  if (last == "**" || !last.ends_with("**")) return {std::move(elements)};
  elements.back().pop_back();
  Elements below = elements;
  below.emplace_back("**");
  return {std::move(elements), std::move(below)};
}

GlobTranslation build(std::string_view glob, const Elements& elements) {
  GlobTranslation out;
  out.outcome = Outcome::kExact;
  for (const Elements& variant : variants_of(with_deep_stars(elements))) {
    std::string text = join(variant);
    if (const auto parsed = ImageGlob::parse(text); !parsed)
      return refuse(Outcome::kInexpressible, glob, "has no counterpart: " + parsed.error().message);
    out.globs.push_back(std::move(text));
  }
  return out;
}

/// Docker Hub has another name there.
GlobTranslation with_registry(std::string_view glob, Elements elements) {
  std::string& registry = elements.front();
  if (registry == kDockerHub) return selects_nothing(glob, "Docker Hub is index.docker.io there");
  if (registry == kDockerHubThere) {
    registry = kDockerHub;
  } else if (registry.find_first_of(".:*") == std::string::npos) {
    return selects_nothing(
        glob, fmt::format("for Docker Hub, write index.docker.io/{} in FILE", escape(glob, kMaxShownBytes)));
  } else if (match_stars(registry, kDockerHubThere) != match_stars(registry, kDockerHub)) {
    return refuse(Outcome::kInexpressible, glob, "selects Docker Hub by the name index.docker.io only",
                  "write the registries out");
  }
  return build(glob, elements);
}

GlobTranslation translate_open(std::string_view glob, std::string_view rest, bool any_digest) {
  const Elements elements = split(rest);
  const std::string& last = elements.back();
  if (elements.size() == 1) {
    if (rest == "**") return {Outcome::kExact, {"**"}, {}, {}};
    if (rest.find("**") == std::string_view::npos)
      return selects_nothing(glob, "write registry and repository");
  } else if (const auto colon = last.find(':'); colon != std::string::npos && last.find('*') > colon) {
    return selects_nothing(glob, fmt::format("tags move; write {}@* in FILE for all images of the repository",
                                             escape(rest.substr(0, rest.rfind(':')), kMaxShownBytes)));
  }
  if (rest.find('@') != std::string_view::npos || (!any_digest && may_match_digest(last)))
    return refuse(Outcome::kInexpressible, glob, "selects by digest, which globs do not here");
  return with_registry(glob, elements);
}

}  // namespace

GlobTranslation translate_glob(std::string_view glob) {
  if (!is_valid(glob)) return refuse(Outcome::kInvalid, glob, "is no glob: letters, digits and -_:/*.@ only");
  std::string_view rest = glob;
  if (glob == "*") rest = "index.docker.io/library/*";
  if (glob == "*/*") rest = "index.docker.io/*/*";
  const bool any_digest = take_any_digest(rest);
  if (!any_digest) {
    take_any_tag(rest);
    if (!rest.ends_with('*') && can_end_digest(rest)) {
      return refuse(Outcome::kInexpressible, glob, "selects by digest, which globs do not here",
                    "leave the digest away, or revoke the others");
    }
    if (!rest.ends_with('*')) {
      return selects_nothing(
          glob,
          fmt::format("write {}@* in FILE for all images of the repository",
                      escape(rest.substr(0, rest.find_first_of("@:", rest.rfind('/') + 1)), kMaxShownBytes)));
    }
  }
  return translate_open(glob, rest, any_digest);
}

bool may_overlap(std::string_view one, std::string_view other) {
  const std::string_view prefix = one.substr(0, one.find('*'));
  const std::string_view other_prefix = other.substr(0, other.find('*'));
  const bool within = has_star(other) ? prefix.starts_with(other_prefix) : prefix == other_prefix;
  const bool around = has_star(one) ? other_prefix.starts_with(prefix) : prefix == other_prefix;
  return within || around;
}

}  // namespace kintsugi::trust
