// SPDX-License-Identifier: Apache-2.0
#include "net/url.h"

#include <algorithm>
#include <charconv>

#include "base/escape.h"

namespace kintsugi::net {
namespace {

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

bool is_host_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_';
}

bool is_ip6_byte(char c) {
  return is_host_byte(c) || c == ':' || c == '%';
}

bool consume(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Splits "host", "host:port", "[ip6]" or "[ip6]:port"; false where it is none of them.
bool read_authority(std::string_view text, Url& url) {
  std::string_view port;
  if (consume(text, "[")) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    url.host = text.substr(0, end);
    port = text.substr(end + 1);
    if (!std::all_of(url.host.begin(), url.host.end(), is_ip6_byte)) return false;
  } else {
    const std::size_t end = std::min(text.find(':'), text.size());
    url.host = text.substr(0, end);
    port = text.substr(end);
    if (!std::all_of(url.host.begin(), url.host.end(), is_host_byte)) return false;
  }
  if (url.host.empty()) return false;
  url.port = url.tls ? 443 : 80;
  if (port.empty()) return true;
  if (!consume(port, ":")) return false;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  return error == std::errc() && end == port.data() + port.size() && url.port != 0;
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

tl::unexpected<Error> bad_url(std::string_view text) {
  return fail(make_error(ErrorCode::kInvalidInput, "bad URL \"" + escape(text, 200) + "\"")
                  .advise("use http://host[:port]/path or https://host[:port]/path, percent-encoded"));
}

}  // namespace

std::string Url::authority() const {
  return bracketed(host) + ":" + std::to_string(port);
}

std::string Url::host_header() const {
  return port == (tls ? 443 : 80) ? bracketed(host) : authority();
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  std::string_view rest = text;
  if (!is_printable(text) || text.find('#') != std::string_view::npos) return bad_url(text);
  if (consume(rest, "https://")) {
    url.tls = true;
  } else if (!consume(rest, "http://")) {
    return bad_url(text);
  }
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  if (!read_authority(rest.substr(0, end), url)) return bad_url(text);
  url.target = rest.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

}  // namespace kintsugi::net
