// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_auth.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/document.h"
#include "base/escape.h"
#include "net/header_rules.h"
#include "trust/crypto/refusal.h"

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
    challenge.bearer = net::equals_ignoring_case(scheme, "Bearer");
    if (!challenge.bearer && !net::equals_ignoring_case(scheme, "Basic")) return std::nullopt;
    while (skip_separators(), at_ < text_.size()) {
      const std::string name = token();
      std::string value;
      if (name.empty() || !take('=') || !read_value(value)) return std::nullopt;
      if (net::equals_ignoring_case(name, "realm")) challenge.realm = value;
      if (net::equals_ignoring_case(name, "service")) challenge.service = value;
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

Result<net::Url> parse_server_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) return protocol_error("a URL over 8192 bytes");
  auto url = net::parse_url(text);
  if (!url)
    return protocol_error("no absolute http or https URL, or one with user information or a fragment");
  std::transform(url->host.begin(), url->host.end(), url->host.begin(), to_lower);
  return url;
}

std::string to_string(const net::Url& url) {
  return (url.tls ? "https://" : "http://") + url.host_header() + url.target;
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || is_dotted_loopback(host);
}

Result<void> check_next_hop(const net::Url& from, const net::Url& to, bool allow_http) {
  const std::string where = escape(to.authority(), 256);
  if (is_loopback(to.host) && !is_loopback(from.host)) {
    return refuse(reason::kRedirectRefused, "sent to the loopback address " + where);
  }
  if (to.tls) return {};
  if (from.tls) return refuse(reason::kRedirectRefused, "sent from https to plain HTTP at " + where);
  if (!is_loopback(to.host) && !allow_http) {
    return refuse(reason::kPlainHttpRefused, "sent to plain HTTP at " + where);
  }
  return {};
}

bool is_same_origin(const net::Url& a, const net::Url& b) {
  return a.tls == b.tls && a.host == b.host && a.port == b.port;
}

Result<net::Url> resolve_location(const net::Url& from, std::string_view location) {
  if (!location.starts_with('/') || location.starts_with("//")) return parse_server_url(location);
  net::Url on_same_server = from;
  on_same_server.target = "/";
  return parse_server_url(to_string(on_same_server) + std::string(location.substr(1)));
}

std::optional<Challenge> find_challenge(const net::Headers& headers) {
  std::optional<Challenge> basic;
  for (const auto& [name, value] : headers.all()) {
    if (!net::equals_ignoring_case(name, "WWW-Authenticate") || value.size() > kMaxUrlBytes) continue;
    auto challenge = ChallengeReader(value).read();
    if (challenge && challenge->bearer) return challenge;
    if (challenge) basic = std::move(challenge);
  }
  return basic;
}

bool is_token_text(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTokenBytes && std::all_of(text.begin(), text.end(), is_visible);
}

Result<Token> parse_token(std::string_view body) {
  const auto root = parse_json_document(body, {.max_bytes = 64u << 10, .max_depth = 8, .max_nodes = 256});
  if (!root) return protocol_error("the token server's answer is no JSON document");
  Token token;
  for (const char* name : {"token", "access_token"}) {
    const Node* text = root->find(name);
    if (text == nullptr || text->kind != Node::Kind::kString || text->text.empty()) continue;
    if (!is_token_text(text->text)) return protocol_error("the token server's answer holds no usable token");
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
