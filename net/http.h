// SPDX-License-Identifier: Apache-2.0
//
// HTTP as values, and the one interface through which requests leave the process. Nothing here knows
// Kubernetes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace kintsugi::net {

/// Header names compare without regard to case; order and repetition are kept.
class Headers {
 public:
  void add(std::string name, std::string value);
  /// Replaces all of that name.
  void set(std::string name, std::string value);
  /// The first of that name, or nullptr.
  const std::string* find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return entries_; }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

/// Which requests go first when connections or rate tokens are short.
enum class Priority : std::uint8_t { kContainment, kNormal, kBackground };

/// What a TLS connection is checked and authenticated with. PEM text, not paths, so that rotation is the
/// caller's.
struct TlsOptions {
  std::string ca_pem;           ///< trusted roots; empty: the system's
  std::string certificate_pem;  ///< client certificate chain; empty: none
  Secret key_pem;
  std::string server_name;  ///< expected name and SNI; empty: the URL's host
  bool insecure_skip_verify = false;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< http:// or https://, absolute, already encoded
  Headers headers;
  Secret bearer_token;  ///< sent as Authorization; empty: none
  std::string body;
  Priority priority = Priority::kNormal;
  /// For the whole exchange of send(); for stream() until the response headers are there.
  std::chrono::milliseconds timeout{5000};
  /// stream() only: the longest silence between bytes.
  std::chrono::milliseconds idle_timeout{60000};
  /// send() only: a longer body is kTooLarge.
  std::size_t max_response_bytes = 16u << 20;
  /// Asks for and decodes gzip. Off for watches.
  bool accept_compressed = false;
  /// Connections are shared between requests of the same key; a watch or a lease has a key of its own.
  std::string connection_pool;
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

/// Called with the bytes of a streamed body, in order, on the caller's own thread. Return false to end the
/// stream.
using BodySink = std::function<bool(std::string_view bytes)>;
/// Called once with status and headers before the first byte. Return false to end the stream.
using ResponseSink = std::function<bool(const HttpResponse& head)>;

/// Sends requests. Thread-safe; each call blocks its thread until done, failed, timed out or stopped.
///
/// Never follows redirects. Any HTTP status is a success here. Errors: kUnavailable (resolve, connect, reset,
/// TLS), kTimeout, kCancelled (stop requested), kTooLarge, kInvalidInput (bad URL). `outcome_unknown` is set
/// when the request, or a part of it, had been sent and no complete answer came.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  virtual Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) = 0;
  /// A response without an end in sight (watch, followed logs). Returns the head after a normal end of the
  /// body or when a sink ended it.
  virtual Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop,
                                      const ResponseSink& on_head, const BodySink& on_body) = 0;
};

}  // namespace kintsugi::net
