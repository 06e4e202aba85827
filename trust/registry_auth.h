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

namespace kintsugi::trust {

/// An absolute http or https URL without user information or fragment.
struct Url {
  bool https = true;
  std::string authority;  ///< "registry.example.com:5000"
  std::string target;     ///< path and query, at least "/"

  static Result<Url> parse(std::string_view text);
  std::string to_string() const;
  std::string origin() const;
  /// Without the port.
  std::string_view host() const;
};

/// "localhost", 127.0.0.0/8 or [::1], as written: names are not resolved.
bool is_loopback(std::string_view host);

/// May a server at `from` send us to `to`? Never from https to http, never from elsewhere to a loopback
/// address, and to plain HTTP only on loopback unless `allow_http`. Error: the reason PlainHttpRefused or
/// RedirectRefused.
Result<void> check_next_hop(const Url& from, const Url& to, bool allow_http);

/// `location` of an answer from `from`: an absolute URL, or a path on the same server.
Result<Url> resolve_location(const Url& from, std::string_view location);

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

/// Reads `{"token" or "access_token", "expires_in"}`. Tokens of other than visible ASCII are refused.
Result<Token> parse_token(std::string_view body);

}  // namespace kintsugi::trust
