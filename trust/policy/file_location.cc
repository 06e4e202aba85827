// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/file_location.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/escape.h"
#include "net/url.h"
#include "trust/oci/image_reference.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxLocationBytes = 1024;
constexpr std::string_view kFileScheme = "file://";

tl::unexpected<Error> bad_location(std::string_view text, std::string_view what) {
  return fail(ErrorCode::kInvalidInput,
              fmt::format("\"{}\" is not where a file can be: {}", shown_location(text), what));
}

bool is_url(std::string_view text) {
  return text.starts_with("https://") || text.starts_with("http://");
}

/// "https://host:8443", normalised. `text` is an http or https URL.
Result<std::string> origin_of(std::string_view text) {
  const std::string_view origin = text.substr(0, text.find('/', text.find("://") + 3));
  const auto url = net::parse_url(origin);
  if (!url) return fail(url.error());
  std::string host = url->host_header();
  std::transform(host.begin(), host.end(), host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return (url->tls ? "https://" : "http://") + host;
}

/// What is wrong with the elements after the first; empty: nothing. `text` begins with "/".
std::string_view split_path(std::string_view text, std::vector<std::string>& elements) {
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view element = text.substr(0, text.find('/'));
    if (element.empty()) return "it has an empty element";
    if (element == "." || element == "..") return "\".\" and \"..\" have no place in it";
    elements.emplace_back(element);
    text.remove_prefix(element.size());
  }
  return elements.size() == 1 ? "it names no file" : std::string_view();
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

/// Scheme and host, then the elements of the path.
Result<std::vector<std::string>> split_location(std::string_view text) {
  if (has_control_characters(text)) return bad_location(text, "it has control characters");
  std::vector<std::string> elements;
  std::string_view path = text;
  if (is_url(text)) {
    auto origin = origin_of(text);
    if (!origin) return bad_location(text, "malformed scheme or host");
    if (text.find_first_of("?#%") != text.npos)
      return bad_location(text, "'?', '#' and '%' have no place in it");
    path.remove_prefix(std::min(text.find('/', text.find("://") + 3), text.size()));
    elements.push_back(std::move(*origin));
  } else {
    if (text.starts_with(kFileScheme)) path.remove_prefix(kFileScheme.size());
    elements.emplace_back(kFileScheme);
    if (!path.starts_with('/'))
      return bad_location(text, "an absolute path or an http or https URL is needed");
  }
  if (const auto wrong = split_path(path, elements); !wrong.empty()) return bad_location(text, wrong);
  return elements;
}

}  // namespace

Result<FileLocation> FileLocation::parse(std::string_view text) {
  if (text.size() > kMaxLocationBytes)
    return fail(ErrorCode::kTooLarge, fmt::format("a location of more than {} bytes", kMaxLocationBytes));
  auto elements = split_location(text);
  if (!elements) return fail(std::move(elements).error());
  if (is_url(text) && !net::parse_url(text)) return bad_location(text, "malformed URL");
  FileLocation location;
  location.text_ = elements->front();
  for (std::size_t i = 1; i < elements->size(); ++i) location.text_.append("/").append((*elements)[i]);
  location.elements_ = std::move(*elements);
  return location;
}

std::string shown_location(std::string_view text) {
  const std::size_t scheme = text.find("://");
  const std::size_t suspect = scheme == text.npos ? text.npos : text.find_first_of("@?", scheme);
  if (suspect == text.npos || text.substr(suspect).starts_with("@sha256:")) return escape(text, 256);
  return escape(text.substr(0, std::min<std::size_t>(scheme, 16)), 64) + "://…";
}

bool is_about_files(std::string_view text) {
  return text.starts_with(kFileScheme) || is_url(text);
}

Result<FileGlob> FileGlob::parse(std::string_view text) {
  if (!is_about_files(text)) return bad_location(text, "it begins with none of file://, https://, http://");
  auto elements = split_location(text);
  if (!elements) return fail(std::move(elements).error());
  if (elements->front().find('*') != std::string::npos)
    return bad_location(text, "the host has to be written out");
  for (const std::string& element : *elements) {
    if (element != "**" && element.find("**") != std::string::npos)
      return bad_location(text, "\"**\" stands for whole elements");
  }
  FileGlob glob;
  glob.text_ = text;
  glob.elements_ = std::move(*elements);
  return glob;
}

bool FileGlob::matches(const FileLocation& location) const {
  return match_elements(elements_, location.elements_);
}

}  // namespace kintsugi::trust
