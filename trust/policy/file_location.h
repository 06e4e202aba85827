// SPDX-License-Identifier: Apache-2.0
//
// Where files are that somebody signed, and the globs by which policies select them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kintsugi::trust {

/// A file of this machine or of a web server, by its one spelling: "file:///var/lib/golden/web.qcow2",
/// "https://images.example.com/golden/web.qcow2". What could be spelt in another way is refused, so that no
/// glob is passed by: empty elements, "." and "..", and in a URL "%", a query and a fragment.
class FileLocation {
 public:
  /// An absolute path, with or without "file://", or an http or https URL; at most 1,024 bytes, without
  /// control characters. Errors: kInvalidInput, kTooLarge.
  static Result<FileLocation> parse(std::string_view text);

  /// The one spelling: a host in lower case, and without its scheme's own port.
  const std::string& text() const { return text_; }
  bool is_path() const { return elements_.front() == "file://"; }
  /// Of a file of this machine.
  std::string path() const { return text_.substr(std::string_view("file://").size()); }

  bool operator==(const FileLocation&) const = default;

 private:
  friend class FileGlob;
  std::string text_;
  std::vector<std::string> elements_;  ///< "https://images.example.com", "golden", "web.qcow2"
};

/// A location as people may see it, be it malformed: escaped, and without what may be a password or a token.
std::string shown_location(std::string_view text);

/// Whether a text in a policy is about files, and not about images in registries: "file://…", "https://…",
/// "http://…".
bool is_about_files(std::string_view text);

/// Selects files. Scheme and host are written out; of what follows, "*" stands for any characters of one
/// element, also none; an element "**" for any number of elements, at the end for at least one.
class FileGlob {
 public:
  /// Error: kInvalidInput.
  static Result<FileGlob> parse(std::string_view text);

  bool matches(const FileLocation& location) const;
  /// As written.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<std::string> elements_;
};

}  // namespace kintsugi::trust
