// SPDX-License-Identifier: Apache-2.0
//
// Names of images, by the grammar of the distribution project (github.com/distribution/reference) with
// Docker's rules for short names, and the globs by which policies select them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/crypto/digest.h"

namespace kintsugi::trust {

/// "registry.example.com:5000/shop/web:1.2@sha256:…", taken apart and normalised: a name without a registry
/// is on docker.io, one without a namespace there is in library/, hosts are in lower case, "latest" is the
/// tag where neither tag nor digest is given.
struct ImageReference {
  std::string registry;          ///< "docker.io", "localhost:5000", "[::1]:5000"
  std::string repository;        ///< "library/nginx"
  std::string tag;               ///< empty when only a digest is given
  std::optional<Digest> digest;  ///< wins over the tag, as in container runtimes

  /// Errors: kInvalidInput (what is wrong with it), kTooLarge (over 1,024 bytes, or a name over 255).
  static Result<ImageReference> parse(std::string_view text);

  /// "docker.io/library/nginx": registry and repository.
  std::string name() const;
  /// The complete normalised form.
  std::string to_string() const;
  /// "docker.io/library/nginx@sha256:…": what a template is pinned to.
  std::string pinned_to(const Digest& to) const;

  bool operator==(const ImageReference&) const = default;
};

/// Each "*" in `pattern` stands for any characters, also none.
bool match_stars(std::string_view pattern, std::string_view text);

/// The same for elements: one that is "**" in `pattern` stands for any number of elements, at the end for at
/// least one; in any other, "*" stands for any characters.
bool match_elements(std::vector<std::string> pattern, const std::vector<std::string>& elements);

/// Selects images by registry and repository; never by tag, which proves nothing. Elements are separated by
/// "/"; within one, "*" stands for any characters (also none); an element "**" stands for any number of
/// elements, at the end for at least one. The first element is the registry: written out, "*.example.com",
/// "*", or "**".
class ImageGlob {
 public:
  /// Errors: kInvalidInput, with advice where a form is known to be meant otherwise than written.
  static Result<ImageGlob> parse(std::string_view text);

  bool matches(const ImageReference& image) const;
  /// As written.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<std::string> elements_;
};

}  // namespace kintsugi::trust
