// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <cstdint>
#include <utility>

#include "base/encoding.h"
#include "base/escape.h"
#include "base/time.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

using std::chrono::milliseconds;

constexpr int kMaxAttempts = 3;
constexpr int kMaxRedirects = 3;
constexpr milliseconds kFirstBackoff{500};
constexpr std::size_t kMaxTokenAnswerBytes = 64u << 10;
constexpr std::size_t kMaxRemembered = 1024;

/// Where the API is: Docker Hub's is not where its name says.
net::Url api_url(const RegistryRequest& request, bool tls) {
  const std::string& registry = request.image.registry;
  const auto url = net::parse_url(fmt::format("{}://{}/v2/{}/{}", tls ? "https" : "http",
                                              registry == "docker.io" ? "registry-1.docker.io" : registry,
                                              request.image.repository, request.path));
  return url.value();  // an ImageReference holds nothing that a URL cannot
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

tl::unexpected<Error> refuse(ErrorCode code, const char* why, std::string message) {
  return fail(make_error(code, std::move(message)).because(why));
}

/// Retry-After in seconds; its other form, a date, counts as absent.
std::optional<milliseconds> retry_after(const net::Headers& headers) {
  const std::string* text = headers.find("Retry-After");
  if (text == nullptr || text->empty() || text->find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  std::int64_t seconds = 0;
  const bool fits = std::from_chars(text->data(), text->data() + text->size(), seconds).ec == std::errc();
  constexpr std::int64_t kDay = 86'400;
  return std::chrono::seconds(fits ? std::min(seconds, kDay) : kDay);
}

/// What a status other than 200 means.
Error judge(const net::HttpResponse& response) {
  const auto error = [&](ErrorCode code, const char* why, std::string_view what) {
    return make_error(code, fmt::format("the registry answered {} ({})", response.status, what)).because(why);
  };
  const int status = response.status;
  if (status == 404) return error(ErrorCode::kNotFound, reason::kManifestUnknown, "not found");
  if (status == 401 || status == 403) {
    return error(ErrorCode::kUnauthorized, reason::kRegistryUnauthorized, "credentials missing or refused");
  }
  if (is_redirect(status))
    return error(ErrorCode::kRefused, reason::kRedirectRefused, "a redirect that is not followed");
  Error overload = status == 429
                       ? error(ErrorCode::kUnavailable, reason::kRegistryRateLimited, "too many requests")
                       : error(ErrorCode::kUnavailable, reason::kRegistryUnavailable, "server trouble");
  overload.retry_after = retry_after(response.headers);
  if (status == 429 || status >= 500) return overload;
  return error(ErrorCode::kRefused, reason::kRegistryProtocol, "unexpected");
}

/// Gives a failure of the transport its reason.
Error with_reason(Error error) {
  switch (error.code) {
    case ErrorCode::kTimeout: error.reason = reason::kRegistryTimeout; break;
    case ErrorCode::kCancelled: error.reason = reason::kCancelled; break;
    case ErrorCode::kTooLarge: error.reason = reason::kTooLarge; break;
    case ErrorCode::kUnavailable: error.reason = reason::kRegistryUnavailable; break;
    default: error.reason = reason::kRegistryProtocol; break;
  }
  return error;
}

Error timed_out() {
  return make_error(ErrorCode::kTimeout, "no answer before the deadline").because(reason::kRegistryTimeout);
}

}  // namespace

RegistrySession::RegistrySession(net::HttpTransport& transport, const Clock& clock, RegistryOptions options)
    : transport_(transport), clock_(clock), options_(std::move(options)) {}

Result<net::HttpResponse> RegistrySession::send(const RegistryRequest& request, const Call& call) {
  for (int number = 1;; ++number) {
    auto response = attempt(request, call);
    if (response) return response;
    Error error = std::move(response).error().on(request.image.name());
    if (error.code != ErrorCode::kUnavailable || number == kMaxAttempts) return fail(std::move(error));
    if (auto paused = pause(error, number, call); !paused) return fail(std::move(paused).error());
  }
}

Result<net::HttpResponse> RegistrySession::attempt(const RegistryRequest& request, const Call& call) {
  net::Url url;
  auto response = reach(request, url, call);
  if (response && response->status == 401) {
    const auto login = log_in(request, url, response->headers, call);
    if (!login) return fail(login.error());
    response = exchange(request, url, *login, call);
  }
  if (!response) return response;
  if (request.follow_redirects && is_redirect(response->status)) {
    response = follow(request, url, std::move(*response), call);
    if (!response) return response;
  }
  if (response->status != 200) return fail(judge(*response));
  return response;
}

/// The first request of an attempt, which finds out whether the registry speaks TLS.
Result<net::HttpResponse> RegistrySession::reach(const RegistryRequest& request, net::Url& url,
                                                 const Call& call) {
  const Login login = known_login(request.image);
  const auto known = known_scheme(request.image.registry);
  url = api_url(request, known.value_or(true));
  auto response = exchange(request, url, login, call);
  const bool http_permitted = is_loopback(url.host) || options_.allow_http;
  if (!response && response.error().code == ErrorCode::kUnavailable && !known && http_permitted) {
    url = api_url(request, false);
    response = exchange(request, url, login, call);
  }
  if (response) {
    remember_scheme(request.image.registry, url.tls);
  } else if (!known && !http_permitted) {
    std::string& advice = response.error().advice;
    advice += std::string(advice.empty() ? "" : "; ") + "a registry without TLS needs --allow-http-registry";
  }
  return response;
}

Result<net::HttpResponse> RegistrySession::follow(const RegistryRequest& request, net::Url from,
                                                  net::HttpResponse response, const Call& call) {
  const net::Url first = from;
  for (int hop = 0; is_redirect(response.status); ++hop) {
    if (hop == kMaxRedirects) {
      return refuse(ErrorCode::kRefused, reason::kRedirectRefused, "more than three redirects in a row");
    }
    const std::string* location = response.headers.find("Location");
    if (location == nullptr)
      return refuse(ErrorCode::kRefused, reason::kRegistryProtocol, "a redirect to nowhere");
    auto to = resolve_location(from, *location);
    if (!to) return fail(std::move(to).error());
    if (auto allowed = check_next_hop(from, *to, options_.allow_http); !allowed) return fail(allowed.error());
    const Login login = is_same_origin(*to, first) ? known_login(request.image) : Login();
    auto next = exchange(request, *to, login, call);
    if (!next) return next;
    response = std::move(*next);
    from = std::move(*to);
  }
  return response;
}

Result<RegistrySession::Login> RegistrySession::log_in(const RegistryRequest& request,
                                                       const net::Url& registry, const net::Headers& headers,
                                                       const Call& call) {
  const auto challenge = find_challenge(headers);
  if (!challenge) {
    return refuse(ErrorCode::kUnauthorized, reason::kRegistryUnauthorized,
                  "the registry wants a kind of log-in that is not known");
  }
  if (challenge->bearer) {
    auto login = fetch_token(request, registry, *challenge, call);
    if (login) remember_login(request.image, *login);
    return login;
  }
  auto basic = basic_login(request.image);
  if (!basic) {
    return refuse(ErrorCode::kUnauthorized, reason::kRegistryUnauthorized, "the registry wants credentials");
  }
  Login login{false, std::move(*basic), MonotonicTime::max()};
  remember_login(request.image, login);
  return login;
}

std::optional<Secret> RegistrySession::basic_login(const ImageReference& image) const {
  if (!options_.credentials) return std::nullopt;
  const auto all = options_.credentials();
  const BasicCredentials* credentials = all->find(image);
  if (credentials == nullptr) return std::nullopt;
  return Secret(base64_encode(fmt::format("{}:{}", credentials->username, credentials->password.reveal())));
}

Result<RegistrySession::Login> RegistrySession::fetch_token(const RegistryRequest& request,
                                                            const net::Url& registry,
                                                            const Challenge& challenge, const Call& call) {
  auto realm = parse_server_url(challenge.realm);
  if (!realm) {
    return refuse(ErrorCode::kUnauthorized, reason::kRegistryUnauthorized,
                  "token server: " + realm.error().message);
  }
  if (auto allowed = check_next_hop(registry, *realm, options_.allow_http); !allowed)
    return fail(allowed.error());
  net::HttpRequest get;
  get.url = fmt::format("{}{}service={}&scope=repository%3A{}%3Apull", to_string(*realm),
                        realm->target.find('?') == std::string::npos ? '?' : '&',
                        url_encode(challenge.service), url_encode(request.image.repository));
  get.max_response_bytes = kMaxTokenAnswerBytes;
  if (const auto basic = basic_login(request.image)) {
    get.headers.add("Authorization", "Basic " + std::string(basic->reveal()));
  }
  const MonotonicTime asked = clock_.monotonic();
  const auto response = exchange(std::move(get), call);
  if (!response) return fail(response.error());
  if (response->status != 200) {
    // A missing realm is a log-in that failed; it must not read as an image that is not there.
    return response->status >= 429 ? Result<Login>(fail(judge(*response)))
                                   : refuse(ErrorCode::kUnauthorized, reason::kRegistryUnauthorized,
                                            fmt::format("the token server answered {}", response->status));
  }
  auto token = parse_token(response->body);
  if (!token) return fail(std::move(token).error());
  // Renewed a tenth early, so that it does not expire under way.
  return Login{true, std::move(token->text), asked + milliseconds(token->lifetime) * 9 / 10};
}

Result<net::HttpResponse> RegistrySession::exchange(const RegistryRequest& request, const net::Url& url,
                                                    const Login& login, const Call& call) {
  net::HttpRequest out;
  out.method = request.method;
  out.url = to_string(url);
  out.max_response_bytes = request.max_bytes;
  if (!request.accept.empty()) out.headers.add("Accept", request.accept);
  if (login.bearer) {
    out.bearer_token = login.text;
  } else if (!login.text.empty()) {
    out.headers.add("Authorization", "Basic " + std::string(login.text.reveal()));
  }
  return exchange(std::move(out), call);
}

Result<net::HttpResponse> RegistrySession::exchange(net::HttpRequest request, const Call& call) {
  if (call.stop.stop_requested()) return refuse(ErrorCode::kCancelled, reason::kCancelled, "stopped");
  const auto left = std::chrono::duration_cast<milliseconds>(call.deadline - clock_.monotonic());
  if (left <= milliseconds::zero()) return fail(timed_out());
  request.timeout = std::min(options_.request_timeout, left);
  auto response = transport_.send(request, call.stop);
  if (!response) return fail(with_reason(std::move(response).error()));
  if (response->body.size() > request.max_response_bytes) {
    return refuse(ErrorCode::kTooLarge, reason::kTooLarge,
                  fmt::format("an answer over {} bytes", request.max_response_bytes));
  }
  return response;
}

Result<void> RegistrySession::pause(const Error& error, int attempt, const Call& call) {
  const MonotonicTime until =
      clock_.monotonic() + error.retry_after.value_or(kFirstBackoff * (1 << (attempt - 1)));
  if (until >= call.deadline) return fail(error);
  std::mutex mutex;
  std::condition_variable wake;
  const std::stop_callback on_stop(call.stop, [&] {
    const std::lock_guard lock(mutex);
    wake.notify_all();
  });
  std::unique_lock lock(mutex);
  while (!call.stop.stop_requested() && clock_.monotonic() < until) clock_.wait_until(lock, wake, until);
  return {};
}

std::optional<bool> RegistrySession::known_scheme(const std::string& registry) {
  const std::lock_guard lock(mutex_);
  const auto found = https_.find(registry);
  return found == https_.end() ? std::nullopt : std::optional(found->second);
}

void RegistrySession::remember_scheme(const std::string& registry, bool https) {
  const std::lock_guard lock(mutex_);
  if (https_.size() >= kMaxRemembered) https_.clear();
  https_[registry] = https;
}

RegistrySession::Login RegistrySession::known_login(const ImageReference& image) {
  const std::lock_guard lock(mutex_);
  const auto found = logins_.find(image.name());
  return found == logins_.end() || found->second.expiry <= clock_.monotonic() ? Login() : found->second;
}

void RegistrySession::remember_login(const ImageReference& image, const Login& login) {
  const std::lock_guard lock(mutex_);
  if (logins_.size() >= kMaxRemembered) logins_.clear();
  logins_[image.name()] = login;
}

}  // namespace kintsugi::trust
