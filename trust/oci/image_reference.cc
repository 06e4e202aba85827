// SPDX-License-Identifier: Apache-2.0
#include "trust/oci/image_reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/escape.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxReferenceBytes = 1024;
constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kMaxTagBytes = 128;
constexpr std::string_view kDockerHub = "docker.io";
constexpr std::string_view kDockerHubAlias = "index.docker.io";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_alphanumeric(char c) {
  return is_lower(c) || is_digit(c);
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (is_upper(c)) c = char(c + 32);
  }
  return out;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0;;) {
    const std::size_t end = text.find('/', start);
    parts.emplace_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

bool is_port(std::string_view text) {
  std::uint32_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return !text.empty() && text.size() <= 5 && text.front() != '0' && error == std::errc() &&
         end == text.data() + text.size() && port <= 65535;
}

bool is_dns_label(std::string_view label) {
  const auto inner = [](char c) { return is_alphanumeric(c) || c == '-'; };
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), inner);
}

bool is_dns_name(std::string_view host) {
  for (std::size_t start = 0;;) {
    const std::size_t end = host.find('.', start);
    if (!is_dns_label(host.substr(start, end - start))) return false;
    if (end == std::string_view::npos) return true;
    start = end + 1;
  }
}

/// "[…]": only the form is checked, the resolver judges the address.
bool is_bracketed_ipv6(std::string_view host) {
  const auto inner = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':'; };
  return host.size() >= 4 && host.size() <= 41 && host.front() == '[' && host.back() == ']' &&
         std::all_of(host.begin() + 1, host.end() - 1, inner);
}

/// `registry` in lower case.
bool is_registry(std::string_view registry) {
  const std::size_t bracket = registry.starts_with('[') ? registry.find(']') : 0;
  if (bracket == std::string_view::npos) return false;
  const std::size_t colon = registry.find(':', bracket);
  const std::string_view host = registry.substr(0, colon);
  if (colon != std::string_view::npos && !is_port(registry.substr(colon + 1))) return false;
  return host.starts_with('[') ? is_bracketed_ipv6(host) : is_dns_name(host);
}

/// Lower-case words joined by one ".", one or two "_", or any number of "-".
bool is_path_element(std::string_view element) {
  if (element.empty() || !is_alphanumeric(element.front()) || !is_alphanumeric(element.back())) return false;
  for (std::size_t i = 0; i < element.size();) {
    if (is_alphanumeric(element[i])) {
      ++i;
      continue;
    }
    const std::size_t end = std::size_t(
        std::find_if(element.begin() + std::ptrdiff_t(i), element.end(), is_alphanumeric) - element.begin());
    const std::string_view separator = element.substr(i, end - i);
    const bool dashes = separator.find_first_not_of('-') == std::string_view::npos;
    if (!dashes && separator != "." && separator != "_" && separator != "__") return false;
    i = end;
  }
  return true;
}

bool is_tag(std::string_view tag) {
  const auto word = [](char c) { return is_alphanumeric(c) || is_upper(c) || c == '_'; };
  return !tag.empty() && tag.size() <= kMaxTagBytes && word(tag.front()) &&
         std::all_of(tag.begin(), tag.end(), [&](char c) { return word(c) || c == '.' || c == '-'; });
}

/// Docker's rule for the first of several elements. Its other case, a word with capitals and no dot, is left
/// out: no registry is called so, and in lower case it would be a namespace on Docker Hub.
bool names_registry(std::string_view element) {
  return element.find_first_of(".:[") != std::string_view::npos || element == "localhost";
}

tl::unexpected<Error> bad_reference(std::string_view text, std::string_view what) {
  return fail(ErrorCode::kInvalidInput,
              fmt::format("\"{}\" is not an image reference: {}", escape(text, 128), what));
}

/// Takes "@digest" and ":tag" off the end of `rest`.
Result<void> take_version(std::string_view text, std::string_view& rest, ImageReference& image) {
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    auto digest = Digest::parse(rest.substr(at + 1));
    if (!digest) return bad_reference(text, digest.error().message);
    image.digest = std::move(*digest);
    rest = rest.substr(0, at);
  }
  const std::size_t last_slash = rest.rfind('/');
  const std::size_t colon = rest.find(':', last_slash == std::string_view::npos ? 0 : last_slash);
  if (colon != std::string_view::npos) {
    image.tag = rest.substr(colon + 1);
    if (!is_tag(image.tag)) return bad_reference(text, "malformed tag");
    rest = rest.substr(0, colon);
  }
  if (image.tag.empty() && !image.digest) image.tag = "latest";
  return {};
}

void split_name(std::string_view name, ImageReference& image) {
  const std::size_t slash = name.find('/');
  if (slash != std::string_view::npos && names_registry(name.substr(0, slash))) {
    image.registry = to_lower(name.substr(0, slash));
    image.repository = name.substr(slash + 1);
  } else {
    image.registry = kDockerHub;
    image.repository = name;
  }
  if (image.registry == kDockerHubAlias) image.registry = kDockerHub;
  if (image.registry == kDockerHub && image.repository.find('/') == std::string::npos) {
    image.repository.insert(0, "library/");
  }
}

/// Greedy matching with one point to go back to, for single characters and for path elements alike.
template <class Pattern, class Text, class IsStar, class Same>
bool match_wildcards(const Pattern& pattern, const Text& text, const IsStar& is_star, const Same& same) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = pattern.size();
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && is_star(pattern[p])) {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && same(pattern[p], text[t])) {
      ++p, ++t;
    } else if (star < pattern.size()) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && is_star(pattern[p])) ++p;
  return p == pattern.size();
}

tl::unexpected<Error> bad_glob(std::string_view text, std::string_view what, std::string advice = {}) {
  Error error = make_error(ErrorCode::kInvalidInput,
                           fmt::format("\"{}\" does not select images: {}", escape(text, 128), what));
  return fail(std::move(error).advise(std::move(advice)));
}

Result<void> check_glob_registry(std::string_view text, const std::string& first) {
  if (first == "*" || first == "**") return {};
  const std::string_view literal = first.starts_with("*.") ? std::string_view(first).substr(2) : first;
  if (literal.find('*') != std::string_view::npos) {
    return bad_glob(text,
                    "in the registry, \"*\" may only stand for its first labels, as in \"*.example.com\"");
  }
  if (literal == first && !names_registry(first)) {
    return bad_glob(text, "the first element must be a registry",
                    fmt::format("write \"docker.io/{}{}\" for Docker Hub",
                                text.find('/') == text.npos ? "library/" : "", escape(text, 128)));
  }
  if (!is_registry(literal)) return bad_glob(text, "malformed registry");
  return {};
}

bool is_glob_element(const std::string& element) {
  if (element == "**") return true;
  if (element.find("**") != std::string::npos) return false;
  std::string sample = element;
  std::replace(sample.begin(), sample.end(), '*', 'x');
  return is_path_element(sample);
}

}  // namespace

bool match_stars(std::string_view pattern, std::string_view text) {
  return match_wildcards(
      pattern, text, [](char c) { return c == '*'; }, [](char a, char b) { return a == b; });
}

bool match_elements(std::vector<std::string> pattern, const std::vector<std::string>& elements) {
  // "At least one element" at the end is "one element, then any number".
  if (!pattern.empty() && pattern.back() == "**") pattern.insert(pattern.end() - 1, "*");
  return match_wildcards(
      pattern, elements, [](const std::string& element) { return element == "**"; }, match_stars);
}

Result<ImageReference> ImageReference::parse(std::string_view text) {
  if (text.size() > kMaxReferenceBytes) return fail(ErrorCode::kTooLarge, "image reference over 1024 bytes");
  ImageReference image;
  std::string_view rest = text;
  if (auto done = take_version(text, rest, image); !done) return fail(std::move(done).error());
  if (rest.empty()) return bad_reference(text, "no name");
  if (rest.size() == 64 && rest.find_first_not_of("0123456789abcdef") == std::string_view::npos) {
    return bad_reference(text, "an image id is not a name");
  }
  split_name(rest, image);
  if (!is_registry(image.registry)) return bad_reference(text, "malformed registry");
  for (const std::string& element : split(image.repository)) {
    if (!is_path_element(element)) return bad_reference(text, "malformed repository");
  }
  if (image.name().size() > kMaxNameBytes) return fail(ErrorCode::kTooLarge, "image name over 255 bytes");
  return image;
}

std::string ImageReference::name() const {
  return registry + "/" + repository;
}

std::string ImageReference::to_string() const {
  std::string text = name();
  if (!tag.empty()) text += ":" + tag;
  if (digest) text += "@" + digest->text();
  return text;
}

std::string ImageReference::pinned_to(const Digest& to) const {
  return name() + "@" + to.text();
}

Result<ImageGlob> ImageGlob::parse(std::string_view text) {
  if (text.empty() || text.size() > kMaxNameBytes) return bad_glob(text, "it must have 1 to 255 bytes");
  if (text.find('@') != std::string_view::npos) return bad_glob(text, "a digest has no place in it");
  ImageGlob glob;
  glob.text_ = text;
  glob.elements_ = split(text);
  std::string& first = glob.elements_.front();
  if (glob.elements_.size() > 1 && glob.elements_.back().find(':') != std::string::npos) {
    return bad_glob(text, "a tag has no place in it", "tags move; remove what follows the \":\"");
  }
  if (auto done = check_glob_registry(text, first); !done) return fail(std::move(done).error());
  if (glob.elements_.size() == 1 && first != "**") {
    return bad_glob(text, "no repository",
                    fmt::format("write \"{}/**\" for all of its images", escape(text, 128)));
  }
  for (std::size_t i = 1; i < glob.elements_.size(); ++i) {
    if (!is_glob_element(glob.elements_[i])) return bad_glob(text, "malformed repository");
  }
  if (first == kDockerHubAlias) first = kDockerHub;
  return glob;
}

bool ImageGlob::matches(const ImageReference& image) const {
  std::vector<std::string> name = split(image.repository);
  name.insert(name.begin(), image.registry);
  return match_elements(elements_, name);
}

}  // namespace kintsugi::trust
