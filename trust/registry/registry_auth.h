// SPDX-License-Identifier: Apache-2.0
//
// What a registry says about where to go and how to log in, as pure functions: URLs that it may send us to,
// the WWW-Authenticate header (RFC 9110 §11.6.1), the answer of a token server (distribution's token
// specification).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "net/http.h"
#include "net/url.h"

namespace kintsugi::trust {

/// A URL that a server gave us: net::parse_url(), at most 8192 bytes. The error does not repeat it, because
/// storage URLs carry credentials.
Result<net::Url> parse_server_url(std::string_view text);

/// "https://registry.example.com/v2/"
std::string to_string(const net::Url& url);

/// "localhost", 127.0.0.0/8 or ::1, as written: names are not resolved.
bool is_loopback(std::string_view host);

/// May a server at `from` send us to `to`? Never from https to http, never from elsewhere to a loopback
/// address, and to plain HTTP only on loopback unless `allow_http`. Error: the reason PlainHttpRefused or
/// RedirectRefused.
Result<void> check_next_hop(const net::Url& from, const net::Url& to, bool allow_http);

/// Same scheme, host and port: what credentials may not leave.
bool is_same_origin(const net::Url& a, const net::Url& b);

/// `location` of an answer from `from`: an absolute URL, or a path on the same server.
Result<net::Url> resolve_location(const net::Url& from, std::string_view location);

struct Challenge {
  bool bearer = false;  ///< else Basic
  std::string realm;    ///< Bearer: the token server
  std::string service;  ///< Bearer; may be empty
};

/// The challenge to answer, Bearer before Basic; empty where there is none that is understood.
std::optional<Challenge> find_challenge(const net::Headers& headers);

struct Token {
  Secret text;
  std::chrono::seconds lifetime{60};
};

/// 1 byte to 16 KiB of visible ASCII.
bool is_token_text(std::string_view text);

/// Reads `{"token" or "access_token", "expires_in"}`. Tokens of other than visible ASCII are refused.
Result<Token> parse_token(std::string_view body);

}  // namespace kintsugi::trust
