// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/client.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/document.h"
#include "k8s-client/client/exchange.h"
#include "k8s-client/client/exec.h"

namespace kintsugi::k8s {
namespace {

/// One object is at most 1.5 MiB in etcd; a page of a small collection is what these allow.
constexpr DocumentLimits kAnswerLimits{.max_bytes = 64u << 20, .max_depth = 200, .max_nodes = 2'000'000};
constexpr std::size_t kMaxListedObjects = 100'000;
constexpr int kMaxPages = 10'000;
constexpr std::chrono::seconds kWatchHeadTimeout{30};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return result;
}

std::string name_of(const Resource& resource, const ObjectKey& key) {
  return lower(resource.kind) + " " + key.to_string();
}

std::string name_of(const Resource& resource, const std::string& name_space) {
  return std::string(resource.plural) + (name_space.empty() ? "" : " in " + name_space);
}

/// The object of an answer with a good status. Bodies that are none come from proxies and cut connections.
ApiResult<nlohmann::json> parse_answer(const net::HttpResponse& response, const std::string& object,
                                       bool is_write) {
  auto document = parse_json(response.body, kAnswerLimits);
  if (document && document->is_object()) return std::move(*document);
  const std::string why = document ? "it is no object" : document.error().message;
  Error error = make_error(ErrorCode::kUnavailable, "the server's answer cannot be read: " + why);
  error.outcome_unknown = is_write;
  ApiError unreadable = transport_error(std::move(error), object);
  unreadable.http_status = response.status;
  return tl::unexpected(std::move(unreadable));
}

/// Bytes that are not UTF-8, which no answer of the API has, become U+FFFD.
std::string to_body(const nlohmann::json& object) {
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Moves a page's items to `into`; returns the continue token.
ApiResult<std::string> take_items(nlohmann::json& page, const Resource& resource, bool metadata_only,
                                  const std::string& object, std::vector<nlohmann::json>& into) {
  const auto refuse = [&](ErrorCode code, std::string message) {
    return tl::unexpected(transport_error(make_error(code, std::move(message)), object));
  };
  auto& items = page["items"];
  if (!items.is_null() && !items.is_array())
    return refuse(ErrorCode::kUnavailable, "the server's list has no items");
  for (auto& item : items) {
    if (!item.is_object())
      return refuse(ErrorCode::kUnavailable, "the server's list has an item that is no object");
    if (into.size() == kMaxListedObjects) return refuse(ErrorCode::kTooLarge, "more than 100000 objects");
    if (!metadata_only) {
      item.emplace("apiVersion", resource.api_version());
      item.emplace("kind", resource.kind);
    }
    into.push_back(std::move(item));
  }
  const auto metadata = page.find("metadata");
  if (metadata == page.end() || !metadata->is_object()) return std::string();
  const auto token = metadata->find("continue");
  return token != metadata->end() && token->is_string() ? token->get<std::string>() : std::string();
}

}  // namespace

struct Client::Impl {
  Options options;
  RequestBuilder requests;
  Exchange exchange;
  CredentialSource& credentials;
  const Clock& clock;

  /// For requests that could not be built as well.
  ApiResult<net::HttpResponse> send(Result<net::HttpRequest> request, const std::string& object,
                                    const CallOptions& call) {
    if (!request) return tl::unexpected(transport_error(std::move(request).error(), object));
    return exchange.send(std::move(*request), object, call);
  }

  ApiResult<nlohmann::json> send_for_object(Result<net::HttpRequest> request, const std::string& object,
                                            const CallOptions& call) {
    const bool is_write = request && request->method != "GET" && !call.dry_run;
    auto response = send(std::move(request), object, call);
    if (!response) return tl::unexpected(std::move(response).error());
    return parse_answer(*response, object, is_write);
  }
};

Client::Client(const Options& options, net::HttpTransport& transport, CredentialSource& credentials,
               RateLimiter& limiter, const Clock& clock)
    : impl_(new Impl{options, RequestBuilder(options.server),
                     Exchange(options.user_agent, transport, credentials, limiter, clock), credentials,
                     clock}) {}

Client::~Client() = default;

void Client::set_observer(ExchangeObserver observer) {
  impl_->exchange.set_observer(std::move(observer));
}
void Client::set_warning_sink(WarningSink sink) {
  impl_->exchange.set_warning_sink(std::move(sink));
}
void Client::set_retry_observer(RetryObserver observer) {
  impl_->exchange.set_retry_observer(std::move(observer));
}
const Client::Options& Client::options() const {
  return impl_->options;
}

ApiResult<nlohmann::json> Client::get(const Resource& resource, const ObjectKey& key,
                                      const CallOptions& call) {
  return impl_->send_for_object(impl_->requests.get(resource, key), name_of(resource, key), call);
}

ApiResult<nlohmann::json> Client::get_subresource(const Resource& resource, const ObjectKey& key,
                                                  const std::string& subresource, const CallOptions& call) {
  return impl_->send_for_object(impl_->requests.get(resource, key, subresource), name_of(resource, key),
                                call);
}

ApiResult<void> Client::invoke(const Resource& resource, const ObjectKey& key, const std::string& subresource,
                               const nlohmann::json& options, const CallOptions& call) {
  const std::string object = name_of(resource, key);
  if (call.dry_run) {
    return tl::unexpected(transport_error(
        make_error(ErrorCode::kUnsupported, "there is no dry run of " + subresource), object));
  }
  auto response =
      impl_->send(impl_->requests.update(resource, key, subresource, to_body(options), false), object, call);
  if (!response) return tl::unexpected(std::move(response).error());
  return {};
}

ApiResult<std::string> Client::list_page(const Resource& resource, const std::string& name_space,
                                         const ListParams& params, const CallOptions& call) {
  auto response =
      impl_->send(impl_->requests.list(resource, name_space, params), name_of(resource, name_space), call);
  if (!response) return tl::unexpected(std::move(response).error());
  return std::move(response->body);
}

ApiResult<std::vector<nlohmann::json>> Client::list(const Resource& resource, const std::string& name_space,
                                                    const ListParams& params, const CallOptions& call) {
  const std::string object = name_of(resource, name_space);
  std::vector<nlohmann::json> objects;
  ListParams next = params;
  for (int pages = 0; pages < kMaxPages; ++pages) {
    auto page = impl_->send_for_object(impl_->requests.list(resource, name_space, next), object, call);
    if (!page && page.error().is_expired() && !next.continue_token.empty()) {
      objects.clear();
      next = params;
      next.limit = 0;  // K1.2
      next.continue_token.clear();
      continue;
    }
    if (!page) return tl::unexpected(std::move(page).error());
    auto token = take_items(*page, resource, params.metadata_only, object, objects);
    if (!token) return tl::unexpected(std::move(token).error());
    if (token->empty()) return objects;
    next.continue_token = std::move(*token);
  }
  return tl::unexpected(transport_error(make_error(ErrorCode::kTooLarge, "the list has no end"), object));
}

ApiResult<void> Client::watch(const Resource& resource, const std::string& name_space,
                              const WatchParams& params, std::stop_token stop, const net::BodySink& on_body) {
  const std::string object = name_of(resource, name_space);
  auto request = impl_->requests.watch(resource, name_space, params);
  if (!request) return tl::unexpected(transport_error(std::move(request).error(), object));
  const CallOptions call{.timeout = kWatchHeadTimeout, .stop = std::move(stop)};
  return impl_->exchange.stream(std::move(*request), object, call, on_body,
                                Exchange::Retries::kCredentialsOnly);
}

ApiResult<nlohmann::json> Client::create(const Resource& resource, const std::string& name_space,
                                         const nlohmann::json& object, const CallOptions& call) {
  std::string name;  // may be left to the server (generateName)
  if (const auto metadata = object.find("metadata"); metadata != object.end() && metadata->is_object()) {
    if (const auto found = metadata->find("name"); found != metadata->end() && found->is_string())
      name = *found;
  }
  return impl_->send_for_object(impl_->requests.create(resource, name_space, to_body(object), call.dry_run),
                                name_of(resource, ObjectKey{name_space, name}), call);
}

ApiResult<nlohmann::json> Client::update(const Resource& resource, const ObjectKey& key,
                                         const nlohmann::json& object, const CallOptions& call) {
  return impl_->send_for_object(impl_->requests.update(resource, key, "", to_body(object), call.dry_run),
                                name_of(resource, key), call);
}

ApiResult<nlohmann::json> Client::update_status(const Resource& resource, const ObjectKey& key,
                                                const nlohmann::json& object, const CallOptions& call) {
  return impl_->send_for_object(
      impl_->requests.update(resource, key, "status", to_body(object), call.dry_run), name_of(resource, key),
      call);
}

ApiResult<nlohmann::json> Client::patch(const Resource& resource, const ObjectKey& key,
                                        const JsonPatch& patch, const std::string& subresource,
                                        const CallOptions& call) {
  return patch_text(resource, key, patch.to_text(), subresource, call);
}

ApiResult<nlohmann::json> Client::patch_text(const Resource& resource, const ObjectKey& key,
                                             std::string_view patch, const std::string& subresource,
                                             const CallOptions& call) {
  return impl_->send_for_object(
      impl_->requests.patch(resource, key, subresource, std::string(patch), call.dry_run),
      name_of(resource, key), call);
}

ApiResult<nlohmann::json> Client::remove(const Resource& resource, const ObjectKey& key,
                                         const DeleteOptions& options, const CallOptions& call) {
  return impl_->send_for_object(impl_->requests.remove(resource, key, options, call.dry_run),
                                name_of(resource, key), call);
}

ApiResult<LogText> Client::logs(const ObjectKey& pod, const LogOptions& options, const CallOptions& call) {
  const std::string object = name_of(kPods, pod);
  auto request = impl_->requests.logs(pod, options);
  if (!request) return tl::unexpected(transport_error(std::move(request).error(), object));
  request->idle_timeout = call.timeout;
  const MonotonicTime deadline = impl_->clock.monotonic() + call.timeout;
  LogText log;
  const auto on_bytes = [&](std::string_view bytes) {
    log.text += bytes.substr(0, options.limit_bytes - log.text.size());
    log.is_truncated = log.text.size() == options.limit_bytes || impl_->clock.monotonic() >= deadline;
    return !log.is_truncated;
  };
  auto done = impl_->exchange.stream(std::move(*request), object, call, on_bytes, Exchange::Retries::kAll);
  if (done) return log;
  if (log.text.empty() || done.error().code == ErrorCode::kCancelled)
    return tl::unexpected(std::move(done).error());
  log.is_truncated = true;
  return log;
}

ApiResult<ExecResult> Client::exec(const ObjectKey& pod, const ExecOptions& options, std::stop_token stop) {
  const std::string object = name_of(kPods, pod);
  const Options& mine = impl_->options;
  if (!mine.run_websocket) {
    return tl::unexpected(transport_error(
        make_error(ErrorCode::kUnsupported, "this client cannot open the WebSocket that exec needs"),
        object));
  }
  auto url = impl_->requests.exec_url(pod, options.container, options.command);
  if (!url) return tl::unexpected(transport_error(std::move(url).error(), object));
  ExecSession session{impl_->exchange, impl_->credentials, impl_->clock, mine.run_websocket};
  return session.run(std::move(*url), mine.user_agent, object, options, stop);
}

}  // namespace kintsugi::k8s
