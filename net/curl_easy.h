// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/curl_exchange.h"
#include "net/curl_transport.h"

struct curl_slist;

namespace kintsugi::net {

/// A libcurl easy handle set up for one exchange. Belongs to the I/O thread. The handle's private pointer is
/// the CurlExchange.
class CurlEasy {
 public:
  /// `connections` is the CURLSH whose connection cache is used. `exchange` and `options` must outlive the
  /// result. Errors: kInternal where libcurl lacks an option.
  static Result<std::unique_ptr<CurlEasy>> make(CurlExchange& exchange, const CurlOptions& options,
                                                void* connections, const Clock& clock);
  ~CurlEasy();
  CurlEasy(const CurlEasy&) = delete;
  CurlEasy& operator=(const CurlEasy&) = delete;

  void* handle() const { return handle_; }
  /// Nothing where `curl_code` is CURLE_OK, else what it means for the one who asked.
  std::optional<Error> error_of(int curl_code) const;

  CurlExchange& exchange() const { return exchange_; }
  MonotonicTime now() const { return clock_.monotonic(); }

 private:
  CurlEasy(CurlExchange& exchange, const Clock& clock);
  template <class Value>
  void set(int option, Value value);
  void set_tls(const TlsOptions& tls);
  void set_target(const CurlOptions& options);
  void set_request();
  void set_headers();
  void add_header(const std::string& line);
  void set_callbacks();

  CurlExchange& exchange_;
  const Clock& clock_;
  void* handle_;
  curl_slist* headers_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  int first_failure_ = 0;
  std::array<char, 256> message_{};  ///< CURL_ERROR_SIZE
};

}  // namespace kintsugi::net
