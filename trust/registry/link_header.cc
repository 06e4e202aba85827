// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/link_header.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "net/header_rules.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxHeaderBytes = 16u << 10;

struct Link {
  std::string target;
  std::string relations;  ///< of the first `rel`, separated by spaces
};

/// Reads `<target>; name=value; name="value", <target>…`.
class LinkReader {
 public:
  explicit LinkReader(std::string_view text) : text_(text) {}

  bool at_end() {
    while (skip_blanks(), take(',')) {
    }
    return at_ == text_.size();
  }

  /// Nothing where this is no link.
  std::optional<Link> read() {
    Link link;
    if (!take('<')) return std::nullopt;
    const std::size_t end = text_.find('>', at_);
    if (end == text_.npos) return std::nullopt;
    link.target = text_.substr(at_, end - at_);
    at_ = end + 1;
    bool has_relations = false;
    while (skip_blanks(), take(';')) {
      std::string name, value;
      if (!read_parameter(name, value)) return std::nullopt;
      if (!net::equals_ignoring_case(name, "rel") || std::exchange(has_relations, true)) continue;
      link.relations = std::move(value);
    }
    const bool ended = at_ == text_.size() || text_[at_] == ',';
    return ended ? std::optional(std::move(link)) : std::nullopt;
  }

 private:
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  std::string word() {
    const std::size_t end = std::min(text_.find_first_of(" \t;,=\"<>", at_), text_.size());
    return std::string(text_.substr(std::exchange(at_, end), end - at_));
  }

  bool read_parameter(std::string& name, std::string& value) {
    skip_blanks();
    name = word();
    skip_blanks();
    if (name.empty()) return at_ == text_.size() || text_[at_] == ';' || text_[at_] == ',';
    if (!take('=')) return true;
    skip_blanks();
    if (!take('"')) {
      value = word();
      return !value.empty();
    }
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
      if (at_ == text_.size()) return false;
      value += text_[at_];
    }
    return take('"');
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool names_next(std::string_view relations) {
  while (!relations.empty()) {
    const std::size_t end = std::min(relations.find(' '), relations.size());
    if (net::equals_ignoring_case(relations.substr(0, end), "next")) return true;
    relations.remove_prefix(std::min(end + 1, relations.size()));
  }
  return false;
}

tl::unexpected<Error> protocol_error(const char* message) {
  return fail(make_error(ErrorCode::kRefused, message).because(reason::kRegistryProtocol));
}

}  // namespace

Result<std::optional<std::string>> find_next_link(const net::Headers& headers) {
  std::optional<std::string> next;
  for (const auto& [name, value] : headers.all()) {
    if (!net::equals_ignoring_case(name, "Link")) continue;
    if (value.size() > kMaxHeaderBytes) return protocol_error("a Link header over 16 KiB");
    LinkReader reader(value);
    while (!reader.at_end()) {
      auto link = reader.read();
      if (!link) return protocol_error("a Link header that cannot be read");
      if (!names_next(link->relations)) continue;
      if (next) return protocol_error("two links to a next page");
      next = std::move(link->target);
    }
  }
  return next;
}

}  // namespace kintsugi::trust
