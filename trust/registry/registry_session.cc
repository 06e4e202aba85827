// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_session.h"

#include <fmt/format.h>

#include <condition_variable>
#include <utility>

#include "trust/crypto/reasons.h"
#include "trust/registry/registry_auth.h"

namespace kintsugi::trust {
namespace {

using std::chrono::milliseconds;

constexpr int kMaxAttempts = 3;
constexpr int kMaxRedirects = 3;
constexpr milliseconds kFirstBackoff{500};
constexpr std::size_t kMaxRemembered = 1024;

/// Where the API is: Docker Hub's is not where its name says.
net::Url api_url(const RegistryRequest& request, bool tls) {
  const std::string& registry = request.source.image.registry;
  const auto url = net::parse_url(fmt::format("{}://{}/v2/{}/{}", tls ? "https" : "http",
                                              registry == "docker.io" ? "registry-1.docker.io" : registry,
                                              request.source.image.repository, request.path));
  return url.value();  // an ImageReference holds nothing that a URL cannot
}

tl::unexpected<Error> refuse(ErrorCode code, const char* why, std::string message) {
  return fail(make_error(code, std::move(message)).because(why));
}

}  // namespace

RegistrySession::RegistrySession(net::HttpTransport& transport, const Clock& clock, RegistryOptions options)
    : options_(std::move(options)),
      exchange_(transport, clock, options_.request_timeout),
      logins_(exchange_, options_) {}

Result<RegistryAnswer> RegistrySession::send(const RegistryRequest& request, const Call& call) {
  const int attempts = request.source.is_mirror ? 1 : kMaxAttempts;
  for (int number = 1;; ++number) {
    auto answer = attempt(request, call);
    if (answer) return answer;
    Error error = std::move(answer).error().on(request.source.image.name());
    if (error.code != ErrorCode::kUnavailable || number == attempts) return fail(std::move(error));
    if (auto paused = pause(error, number, call); !paused) return fail(std::move(paused).error());
  }
}

Result<RegistryAnswer> RegistrySession::attempt(const RegistryRequest& request, const Call& call) {
  net::Url url;
  const Login known = logins_.known(request.source.image);
  auto response = reach(request, known, url, call);
  if (response && response->status == 401) {
    const auto login = logins_.renew({request.source.image, url, response->headers, known}, call);
    if (!login) return fail(login.error());
    response = exchange(request, url, *login, call);
  }
  if (response && request.follow_redirects && is_redirect(response->status))
    response = follow(request, url, std::move(*response), call);
  if (!response) return fail(std::move(response).error());
  const bool is_partial = request.range && response->status == 206;
  if (response->status != 200 && !is_partial) return fail(error_of_status(*response));
  return RegistryAnswer{std::move(response->headers), std::move(response->body), std::move(url), is_partial};
}

/// The first request of an attempt, which finds out whether the registry speaks TLS.
Result<net::HttpResponse> RegistrySession::reach(const RegistryRequest& request, const Login& login,
                                                 net::Url& url, const Call& call) {
  const auto known = known_scheme(request.source.image.registry);
  url = api_url(request, known.value_or(true));
  auto response = exchange(request, url, login, call);
  const net::Url plain = api_url(request, false);
  const bool http_permitted = options_.permits_http(plain);
  if (!response && response.error().code == ErrorCode::kUnavailable && !known && http_permitted) {
    url = plain;
    response = exchange(request, url, login, call);
  }
  if (response) {
    remember_scheme(request.source.image.registry, url.tls);
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
    if (auto allowed = check_next_hop(from, *to, options_.permits_http(*to)); !allowed)
      return fail(allowed.error());
    const Login login = is_same_origin(*to, first) ? logins_.known(request.source.image) : Login();
    auto next = exchange(request, *to, login, call);
    if (!next) return next;
    response = std::move(*next);
    from = std::move(*to);
  }
  return response;
}

Result<net::HttpResponse> RegistrySession::exchange(const RegistryRequest& request, const net::Url& url,
                                                    const Login& login, const Call& call) const {
  net::HttpRequest out;
  out.method = request.method;
  out.url = to_string(url);
  out.max_response_bytes = request.max_bytes;
  if (!request.accept.empty()) out.headers.add("Accept", request.accept);
  if (request.range)
    out.headers.add("Range", fmt::format("bytes={}-{}", request.range->first, request.range->last()));
  login.add_to(out);
  return exchange_.send(std::move(out), call);
}

Result<void> RegistrySession::pause(const Error& error, int attempt, const Call& call) const {
  const Clock& clock = exchange_.clock();
  const MonotonicTime until =
      clock.monotonic() + error.retry_after.value_or(kFirstBackoff * (1 << (attempt - 1)));
  if (until >= call.deadline) return fail(error);
  std::mutex mutex;
  std::condition_variable wake;
  const std::stop_callback on_stop(call.stop, [&] {
    const std::lock_guard lock(mutex);
    wake.notify_all();
  });
  std::unique_lock lock(mutex);
  while (!call.stop.stop_requested() && clock.monotonic() < until) clock.wait_until(lock, wake, until);
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

}  // namespace kintsugi::trust
