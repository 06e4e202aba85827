// SPDX-License-Identifier: Apache-2.0
#include "net/curl_easy.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <sys/socket.h>

#include <cstring>

#include "net/curl_error.h"

namespace kintsugi::net {
namespace {

static_assert(CURL_ERROR_SIZE == 256);

constexpr long kKeepAliveIdleSeconds = 30;
constexpr long kKeepAliveIntervalSeconds = 10;
/// How long sent bytes may stay unacknowledged before the kernel gives the connection up.
constexpr unsigned kTcpUserTimeoutMilliseconds = 30'000;
constexpr long kBufferBytes = 64L << 10;

std::size_t on_header(char* line, std::size_t, std::size_t length, void* context) {
  auto& easy = *static_cast<CurlEasy*>(context);
  return easy.exchange().add_header_line({line, length}, easy.now()) ? length : 0;
}

std::size_t on_body(char* bytes, std::size_t, std::size_t length, void* context) {
  auto& easy = *static_cast<CurlEasy*>(context);
  switch (easy.exchange().add_body({bytes, length}, easy.now())) {
    case CurlExchange::BodyVerdict::kTaken: return length;
    case CurlExchange::BodyVerdict::kPause: return CURL_WRITEFUNC_PAUSE;
    case CurlExchange::BodyVerdict::kRefuse: return CURL_WRITEFUNC_ERROR;
  }
  return CURL_WRITEFUNC_ERROR;
}

int on_ready_to_send(void* context, char*, char*, int, int) {
  auto& easy = *static_cast<CurlEasy*>(context);
  return easy.exchange().begin_sending() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

int on_socket(void*, curl_socket_t socket, curlsocktype) {
  const unsigned timeout = kTcpUserTimeoutMilliseconds;
  // Not vital: without it a dead peer is noticed later.
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
  return CURL_SOCKOPT_OK;
}

/// Refers to `text`, which the transport's options keep alive.
curl_blob blob_of(std::string_view text) {
  return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

CurlEasy::CurlEasy(CurlExchange& exchange, const Clock& clock)
    : exchange_(exchange), clock_(clock), handle_(curl_easy_init()) {}

CurlEasy::~CurlEasy() {
  curl_easy_cleanup(handle_);
  for (curl_slist* node = headers_; node != nullptr; node = node->next) {
    OPENSSL_cleanse(node->data, std::strlen(node->data));  // one of them is the bearer token
  }
  curl_slist_free_all(headers_);
  curl_slist_free_all(connect_to_);
}

Result<std::unique_ptr<CurlEasy>> CurlEasy::make(CurlExchange& exchange, const CurlOptions& options,
                                                 void* connections, const Clock& clock) {
  std::unique_ptr<CurlEasy> easy(new CurlEasy(exchange, clock));
  if (easy->handle_ == nullptr) return fail(ErrorCode::kInternal, "libcurl is out of memory");
  easy->set(CURLOPT_SHARE, connections);
  easy->set_target(options);
  easy->set_tls(options.tls);
  easy->set_request();
  easy->set_headers();
  if (!options.user_agent.empty()) easy->set(CURLOPT_USERAGENT, options.user_agent.c_str());
  easy->set_callbacks();
  if (easy->first_failure_ == CURLE_OK) return easy;
  return fail(ErrorCode::kInternal, std::string("libcurl refused an option: ") +
                                        curl_easy_strerror(static_cast<CURLcode>(easy->first_failure_)));
}

std::optional<Error> CurlEasy::error_of(int curl_code) const {
  if (curl_code == CURLE_OK && exchange_.head_complete()) return std::nullopt;
  if (curl_code == CURLE_OK) curl_code = CURLE_GOT_NOTHING;  // libcurl does not mind a head that is cut
  long os_error = 0;
  curl_easy_getinfo(handle_, CURLINFO_OS_ERRNO, &os_error);
  return curl_error(curl_code, message_.data(), int(os_error), exchange_);
}

template <class Value>
void CurlEasy::set(int option, Value value) {
  const CURLcode code = curl_easy_setopt(handle_, static_cast<CURLoption>(option), value);
  if (first_failure_ == CURLE_OK) first_failure_ = code;
}

void CurlEasy::set_target(const CurlOptions& options) {
  const Url& url = exchange_.url();
  // libcurl checks certificates against the URL's host: another expected name goes there, and the connection
  // to where the URL pointed.
  const bool renamed = url.tls && !options.tls.server_name.empty() && options.tls.server_name != url.host;
  const std::string host = bracketed(renamed ? options.tls.server_name : url.host);
  const std::string port = std::to_string(url.port);
  set(CURLOPT_URL, ((url.tls ? "https://" : "http://") + host + ":" + port + url.target).c_str());
  if (renamed) {
    connect_to_ = curl_slist_append(nullptr, (host + ":" + port + ":" + url.authority()).c_str());
    set(CURLOPT_CONNECT_TO, connect_to_);
  }
  if (!options.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, options.unix_socket.c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(CURLOPT_PROXY, options.proxy_url.c_str());  // an empty one keeps libcurl from asking the environment
  set(CURLOPT_NOPROXY, "");
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  set(CURLOPT_TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
}

void CurlEasy::set_tls(const TlsOptions& tls) {
  set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  set(CURLOPT_SSL_VERIFYPEER, tls.insecure_skip_verify ? 0L : 1L);
  set(CURLOPT_SSL_VERIFYHOST, tls.insecure_skip_verify ? 0L : 2L);
  if (!tls.ca_pem.empty()) {
    curl_blob ca = blob_of(tls.ca_pem);
    set(CURLOPT_CAINFO_BLOB, &ca);
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));  // Debian's default would add the system's roots
  }
  if (tls.certificate_pem.empty()) return;
  curl_blob certificate = blob_of(tls.certificate_pem);
  curl_blob key = blob_of(tls.key_pem.reveal());
  set(CURLOPT_SSLCERT_BLOB, &certificate);
  set(CURLOPT_SSLKEY_BLOB, &key);
}

void CurlEasy::set_request() {
  const HttpRequest& request = exchange_.request();
  const bool has_body = !request.body.empty() || request.method == "POST" || request.method == "PUT" ||
                        request.method == "PATCH";
  if (has_body) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data());
  }
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else {
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    const bool whole = exchange_.mode() == CurlExchange::Mode::kWhole;
    if (whole) set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request.max_response_bytes));
  }
  if (request.accept_compressed) set(CURLOPT_ACCEPT_ENCODING, "gzip");
  set(CURLOPT_BUFFERSIZE, kBufferBytes);
}

void CurlEasy::add_header(const std::string& line) {
  curl_slist* longer = curl_slist_append(headers_, line.c_str());
  if (longer != nullptr) {
    headers_ = longer;
  } else if (first_failure_ == CURLE_OK) {
    first_failure_ = CURLE_OUT_OF_MEMORY;
  }
}

void CurlEasy::set_headers() {
  const HttpRequest& request = exchange_.request();
  add_header("Expect:");  // libcurl would ask before large bodies and wait a second for the answer
  if (request.headers.find("Content-Type") == nullptr) add_header("Content-Type:");
  if (request.headers.find("Host") == nullptr) add_header("Host: " + exchange_.url().host_header());
  for (const auto& [name, value] : request.headers.all()) {
    add_header(value.empty() ? name + ";" : name + ": " + value);
  }
  if (!request.bearer_token.empty()) {
    std::string line = "Authorization: Bearer " + std::string(request.bearer_token.reveal());
    add_header(line);
    OPENSSL_cleanse(line.data(), line.size());
  }
  set(CURLOPT_HTTPHEADER, headers_);
  set(CURLOPT_HEADEROPT, long{CURLHEADER_SEPARATE});  // none of them is for a proxy
}

void CurlEasy::set_callbacks() {
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_ERRORBUFFER, message_.data());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT,
      1L);  // a resolver that hangs must not hold the I/O thread when its request is given up
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PREREQFUNCTION, &on_ready_to_send);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_SOCKOPTFUNCTION, &on_socket);
}

}  // namespace kintsugi::net
