// SPDX-License-Identifier: Apache-2.0
#include "trust/registry_auth.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/document.h"
#include "base/escape.h"
#include "trust/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxUrlBytes = 8192;  // presigned storage URLs are long
constexpr std::size_t kMaxTokenBytes = 16u << 10;
constexpr std::int64_t kMaxTokenSeconds = 3600;

bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}

char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? char(c + 32) : c;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return to_lower(x) == to_lower(y); });
}

tl::unexpected<Error> refuse(const char* why, std::string message) {
  return fail(make_error(ErrorCode::kRefused, std::move(message)).because(why));
}

tl::unexpected<Error> protocol_error(std::string message) {
  return refuse(reason::kRegistryProtocol, std::move(message));
}

/// Reads `scheme name="value", …`; one challenge, as registries send them.
class ChallengeReader {
 public:
  explicit ChallengeReader(std::string_view text) : text_(text) {}

  std::optional<Challenge> read() {
    Challenge challenge;
    const std::string scheme = token();
    challenge.bearer = same_word(scheme, "Bearer");
    if (!challenge.bearer && !same_word(scheme, "Basic")) return std::nullopt;
    while (skip_separators(), at_ < text_.size()) {
      const std::string name = token();
      std::string value;
      if (name.empty() || !take('=') || !read_value(value)) return std::nullopt;
      if (same_word(name, "realm")) challenge.realm = std::move(value);
      if (same_word(name, "service")) challenge.service = std::move(value);
    }
    return challenge;
  }

 private:
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void skip_separators() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == ',' || text_[at_] == '\t')) ++at_;
  }

  std::string token() {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_visible(text_[at_]) &&
           std::string_view("=,\"").find(text_[at_]) == text_.npos)
      ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  bool read_value(std::string& out) {
    if (!take('"')) {
      out = token();
      return !out.empty();
    }
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && ++at_ == text_.size()) return false;
      out += text_[at_++];
    }
    return take('"');
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_dotted_loopback(std::string_view host) {
  if (!host.starts_with("127.") || host.find_first_not_of("0123456789.") != std::string_view::npos)
    return false;
  return std::count(host.begin(), host.end(), '.') == 3 && host.find("..") == std::string_view::npos &&
         host.back() != '.';
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > kMaxUrlBytes) return protocol_error("a URL over 8192 bytes");
  if (!std::all_of(text.begin(), text.end(), is_visible))
    return protocol_error("a URL with spaces or control characters");
  Url url;
  url.https = text.starts_with("https://");
  if (!url.https && !text.starts_with("http://")) return protocol_error("neither an http nor an https URL");
  text.remove_prefix(url.https ? 8 : 7);
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  url.authority = text.substr(0, end);
  std::transform(url.authority.begin(), url.authority.end(), url.authority.begin(), to_lower);
  url.target = text.substr(end);
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  if (url.authority.empty() || url.authority.find_first_of("@\\") != std::string::npos) {
    return protocol_error("a URL without a host, or with user information");
  }
  if (url.target.find('#') != std::string::npos) return protocol_error("a URL with a fragment");
  return url;
}

std::string Url::origin() const {
  return (https ? "https://" : "http://") + authority;
}

std::string Url::to_string() const {
  return origin() + target;
}

std::string_view Url::host() const {
  const std::string_view text = authority;
  if (text.starts_with('[')) return text.substr(0, text.find(']') + 1);
  return text.substr(0, text.find(':'));
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "[::1]" || is_dotted_loopback(host);
}

Result<void> check_next_hop(const Url& from, const Url& to, bool allow_http) {
  const std::string where = escape(to.origin(), 256);
  if (is_loopback(to.host()) && !is_loopback(from.host())) {
    return refuse(reason::kRedirectRefused, "sent to the loopback address " + where);
  }
  if (to.https) return {};
  if (from.https) return refuse(reason::kRedirectRefused, "sent from https to plain HTTP at " + where);
  if (!is_loopback(to.host()) && !allow_http)
    return refuse(reason::kPlainHttpRefused, "sent to plain HTTP at " + where);
  return {};
}

Result<Url> resolve_location(const Url& from, std::string_view location) {
  if (!location.starts_with('/') || location.starts_with("//")) return Url::parse(location);
  return Url::parse(from.origin() + std::string(location));
}

std::optional<Challenge> find_challenge(const net::Headers& headers) {
  std::optional<Challenge> basic;
  for (const auto& [name, value] : headers.all()) {
    if (!same_word(name, "WWW-Authenticate") || value.size() > kMaxUrlBytes) continue;
    auto challenge = ChallengeReader(value).read();
    if (challenge && challenge->bearer) return challenge;
    if (challenge) basic = std::move(challenge);
  }
  return basic;
}

Result<Token> parse_token(std::string_view body) {
  const auto root = parse_json_document(body, {.max_bytes = 64u << 10, .max_depth = 8, .max_nodes = 256});
  if (!root) return protocol_error("the token server's answer is no JSON document");
  Token token;
  for (const char* name : {"token", "access_token"}) {
    const Node* text = root->find(name);
    if (text == nullptr || text->kind != Node::Kind::kString || text->text.empty()) continue;
    if (text->text.size() > kMaxTokenBytes ||
        !std::all_of(text->text.begin(), text->text.end(), is_visible)) {
      return protocol_error("the token server's answer holds no usable token");
    }
    token.text = Secret(text->text);
    break;
  }
  if (token.text.empty()) return protocol_error("the token server's answer holds no token");
  if (const Node* seconds = root->find("expires_in")) {
    const auto value = seconds->as_integer();
    if (value && *value > 0) token.lifetime = std::chrono::seconds(std::min(*value, kMaxTokenSeconds));
  }
  return token;
}

}  // namespace kintsugi::trust
