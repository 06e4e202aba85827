// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_logins.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

using Kind = RegistryCredential::Kind;

constexpr std::size_t kMaxTokenAnswerBytes = 64u << 10;
constexpr std::size_t kMaxRemembered = 1024;
constexpr std::chrono::seconds kLeastReserve{5};
constexpr char kClientId[] = "kintsugi";

tl::unexpected<Error> unauthorized(std::string message) {
  return fail(
      make_error(ErrorCode::kUnauthorized, std::move(message)).because(reason::kRegistryUnauthorized));
}

Secret basic_text(const RegistryCredential& credential) {
  return Secret(base64_encode(fmt::format("{}:{}", credential.username, credential.secret.reveal())));
}

/// What docker's helpers file a registry's credential under.
std::string helper_server(const std::string& registry) {
  return registry == "docker.io" ? "https://index.docker.io/v1/" : registry;
}

/// Distribution's token specification: a GET, with the password if there is one.
net::HttpRequest token_request(const net::Url& realm, const std::string& query,
                               const std::optional<RegistryCredential>& credential) {
  net::HttpRequest get;
  get.url = to_string(realm) + (realm.target.find('?') == std::string::npos ? '?' : '&') + query;
  if (credential) Login{false, basic_text(*credential)}.add_to(get);
  return get;
}

/// Its OAuth 2.0 part: a POST with the identity token.
net::HttpRequest refresh_request(const net::Url& realm, const std::string& query,
                                 const RegistryCredential& credential) {
  net::HttpRequest post;
  post.method = "POST";
  post.url = to_string(realm);
  post.headers.add("Content-Type", "application/x-www-form-urlencoded");
  post.body = fmt::format("grant_type=refresh_token&{}&client_id={}&refresh_token={}", query, kClientId,
                          url_encode(credential.secret.reveal()));
  return post;
}

/// A deadline or a stop is that of one caller and says nothing to the others.
bool is_shared(const Result<Login>& result) {
  return result ||
         (result.error().code != ErrorCode::kCancelled && result.error().code != ErrorCode::kTimeout);
}

}  // namespace

void Login::add_to(net::HttpRequest& request) const {
  if (bearer) {
    request.bearer_token = text;
  } else if (!text.empty()) {
    request.headers.add("Authorization", "Basic " + std::string(text.reveal()));
  }
}

MonotonicTime renewal_time(MonotonicTime asked, std::chrono::seconds lifetime) {
  const std::chrono::milliseconds life(lifetime);
  return asked + life - std::min(life / 2, std::max<std::chrono::milliseconds>(kLeastReserve, life / 10));
}

Login RegistryLogins::known(const ImageReference& image) {
  const std::lock_guard lock(mutex_);
  const Login* login = find(image.name());
  return login == nullptr ? Login() : *login;
}

/// One that has not expired, or nullptr. Under the lock.
const Login* RegistryLogins::find(const std::string& name) const {
  const auto found = logins_.find(name);
  return found == logins_.end() || found->second.expiry <= exchange_.clock().monotonic() ? nullptr
                                                                                         : &found->second;
}

Result<Login> RegistryLogins::renew(const Refusal& refusal, const Call& call) {
  const auto challenge = find_challenge(refusal.headers);
  if (!challenge) return unauthorized("the registry wants a kind of log-in that is not known");
  const std::string name = refusal.image.name();
  const std::stop_callback on_stop(call.stop, [&] {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  while (true) {
    const Login* login = find(name);
    if (login != nullptr && !login->text.equals(refusal.login.text.reveal())) return *login;
    const auto under_way = flights_.find(name);
    if (under_way == flights_.end()) break;
    const std::shared_ptr<Flight> flight = under_way->second;
    while (!flight->result) {
      if (call.stop.stop_requested()) return fail(cancelled());
      if (exchange_.clock().monotonic() >= call.deadline) return fail(timed_out());
      exchange_.clock().wait_until(lock, changed_, call.deadline);
    }
    if (is_shared(*flight->result)) return *flight->result;
  }
  const auto flight = std::make_shared<Flight>();
  flights_[name] = flight;
  lock.unlock();
  Result<Login> result = log_in(refusal, *challenge, call);
  lock.lock();
  flight->result = result;
  flights_.erase(name);
  if (result) {
    if (logins_.size() >= kMaxRemembered) logins_.clear();
    logins_[name] = *result;
  }
  changed_.notify_all();
  return result;
}

Result<Login> RegistryLogins::log_in(const Refusal& refusal, const Challenge& challenge,
                                     const Call& call) const {
  const auto credential = credential_for(refusal.image, call);
  if (!credential) return fail(credential.error());
  if (*credential && (*credential)->kind == Kind::kRegistryToken) return Login{true, (*credential)->secret};
  if (challenge.bearer) return fetch_token(refusal, challenge, *credential, call);
  if (!*credential) return unauthorized("the registry wants credentials");
  if ((*credential)->kind != Kind::kPassword)
    return unauthorized("the registry wants a password, and there is only an identity token");
  return Login{false, basic_text(**credential)};
}

Result<std::optional<RegistryCredential>> RegistryLogins::credential_for(const ImageReference& image,
                                                                         const Call& call) const {
  if (!options_.credentials) return std::nullopt;
  const auto all = options_.credentials();
  if (const std::string& helper = all->helper_for(image); options_.helpers && !helper.empty()) {
    auto kept = options_.helpers->get(helper, helper_server(image.registry), call);
    if (!kept || *kept) return kept;
  }
  const RegistryCredential* found = all->find(image);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

Result<Login> RegistryLogins::fetch_token(const Refusal& refusal, const Challenge& challenge,
                                          const std::optional<RegistryCredential>& credential,
                                          const Call& call) const {
  const auto realm = parse_server_url(challenge.realm);
  if (!realm) return unauthorized("token server: " + realm.error().message);
  if (auto allowed = check_next_hop(refusal.registry, *realm, options_.permits_http(*realm)); !allowed)
    return fail(allowed.error());
  const std::string query = fmt::format("service={}&scope=repository%3A{}%3Apull",
                                        url_encode(challenge.service), url_encode(refusal.image.repository));
  net::HttpRequest request = credential && credential->kind == Kind::kIdentityToken
                                 ? refresh_request(*realm, query, *credential)
                                 : token_request(*realm, query, credential);
  request.max_response_bytes = kMaxTokenAnswerBytes;
  const MonotonicTime asked = exchange_.clock().monotonic();
  const auto response = exchange_.send(std::move(request), call);
  if (!response) return fail(response.error());
  if (response->status != 200) {
    // A missing realm is a log-in that failed; it must not read as an image that is not there.
    if (response->status >= 429) return fail(error_of_status(*response));
    return unauthorized(fmt::format("the token server answered {}", response->status));
  }
  auto token = parse_token(response->body);
  if (!token) return fail(std::move(token).error());
  return Login{true, std::move(token->text), renewal_time(asked, token->lifetime)};
}

}  // namespace kintsugi::trust
