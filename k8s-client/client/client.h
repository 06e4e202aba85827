// SPDX-License-Identifier: Apache-2.0
//
// The verbs of the Kubernetes API, over JSON documents. Dynamic first: a Resource and a document, no
// generated types.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "k8s-client/client/call_options.h"
#include "k8s-client/client/rate_limiter.h"
#include "k8s-client/core/api_error.h"
#include "k8s-client/core/exec_frames.h"
#include "k8s-client/core/list_params.h"
#include "k8s-client/core/patch.h"
#include "k8s-client/core/request.h"
#include "k8s-client/core/resource.h"
#include "net/http.h"
#include "net/websocket.h"

namespace kintsugi::k8s {

class CredentialSource;

struct ExecOptions {
  std::string container{};
  std::vector<std::string> command{};
  std::size_t max_output_bytes = 1u << 20;  ///< of both streams together; more ends the session
  std::chrono::milliseconds deadline{20'000};
  net::Priority priority = net::Priority::kNormal;
};

struct LogText {
  std::string text;
  bool is_truncated = false;  ///< at the limit, at the deadline, or where the stream broke: there may be more
};

/// Thread-safe; every call blocks its thread up to its timeout.
///
/// Retries (K12.10): 429 and 5xx only when the server sent Retry-After and only inside the call's timeout; a
/// write only after 429 and 503, which say that nothing was done. Every other 5xx of a write has
/// `outcome_unknown`, and so has an ambiguous transport error and a write's success whose answer cannot be
/// read: none of them is retried, and the caller looks first. A 401 drops the token and tries once with a
/// fresh one, if there is another (K12.2).
class Client {
 public:
  /// As net::run_websocket.
  using WebSocketRunner = std::function<Result<void>(
      const net::WebSocketRequest& request, const net::TlsOptions& tls, std::stop_token stop,
      const std::function<bool(std::string_view message)>& on_message, net::UpgradeRefusal& refusal)>;

  struct Options {
    std::string server{};  ///< "https://host:port[/prefix]", without a trailing slash
    std::string user_agent{};
    std::string default_namespace = "default";
    WebSocketRunner run_websocket{};  ///< empty: exec is kUnsupported
  };

  /// All references must outlive the client.
  Client(const Options& options, net::HttpTransport& transport, CredentialSource& credentials,
         RateLimiter& limiter, const Clock& clock);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// All before the first call.
  void set_observer(ExchangeObserver observer);
  void set_warning_sink(WarningSink sink);
  void set_retry_observer(RetryObserver observer);
  const Options& options() const;

  ApiResult<nlohmann::json> get(const Resource& resource, const ObjectKey& key, const CallOptions& call = {});
  /// What a subresource says of an object: `subresource` is one word, such as "guestosinfo".
  ApiResult<nlohmann::json> get_subresource(const Resource& resource, const ObjectKey& key,
                                            const std::string& subresource, const CallOptions& call = {});
  /// Has a subresource do something by a PUT of `options`, an object ("pause"). It need not answer with an
  /// object; what it did has to be looked at. There is no dry run of it: with `call.dry_run` it is
  /// kUnsupported, and nothing is sent.
  ApiResult<void> invoke(const Resource& resource, const ObjectKey& key, const std::string& subresource,
                         const nlohmann::json& options, const CallOptions& call = {});
  /// One page as raw bytes (K1); ListWatch parses it.
  ApiResult<std::string> list_page(const Resource& resource, const std::string& name_space,
                                   const ListParams& params, const CallOptions& call = {});
  /// All pages as documents, with the apiVersion and kind that lists leave out of their items. For small
  /// collections (at most 100,000 objects); informers are for the rest. `call.timeout` is for each page. A
  /// page that has expired starts it again without pages (K1.2).
  ApiResult<std::vector<nlohmann::json>> list(const Resource& resource, const std::string& name_space,
                                              const ListParams& params = {}, const CallOptions& call = {});
  /// Streams watch bytes to `on_body` until the server ends the stream, the sink returns false or stop (K2).
  /// An HTTP status of 400 or above is an error.
  ApiResult<void> watch(const Resource& resource, const std::string& name_space, const WatchParams& params,
                        std::stop_token stop, const net::BodySink& on_body);
  ApiResult<nlohmann::json> create(const Resource& resource, const std::string& name_space,
                                   const nlohmann::json& object, const CallOptions& call = {});
  /// PUT; the object's resourceVersion is the precondition.
  ApiResult<nlohmann::json> update(const Resource& resource, const ObjectKey& key,
                                   const nlohmann::json& object, const CallOptions& call = {});
  ApiResult<nlohmann::json> update_status(const Resource& resource, const ObjectKey& key,
                                          const nlohmann::json& object, const CallOptions& call = {});
  /// RFC 6902; `subresource` is empty or "status".
  ApiResult<nlohmann::json> patch(const Resource& resource, const ObjectKey& key, const JsonPatch& patch,
                                  const std::string& subresource = "", const CallOptions& call = {});
  /// The same with the patch's text sent unchanged: what was journaled is what is sent.
  ApiResult<nlohmann::json> patch_text(const Resource& resource, const ObjectKey& key, std::string_view patch,
                                       const std::string& subresource = "", const CallOptions& call = {});
  ApiResult<nlohmann::json> remove(const Resource& resource, const ObjectKey& key,
                                   const DeleteOptions& options = {}, const CallOptions& call = {});

  /// The first limit_bytes of a container's log, or of the part that the options choose (K11.8); written by
  /// the container: hostile. What came before a timeout or a broken connection is a success, truncated.
  ApiResult<LogText> logs(const ObjectKey& pod, const LogOptions& options, const CallOptions& call = {});
  /// Runs a command in a container over WebSocket v5 (K11). No Status before the close is an error, never
  /// success. Once the session was open, an error has `outcome_unknown`.
  ApiResult<ExecResult> exec(const ObjectKey& pod, const ExecOptions& options, std::stop_token stop = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kintsugi::k8s
