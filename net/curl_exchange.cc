// SPDX-License-Identifier: Apache-2.0
#include "net/curl_exchange.h"

#include <charconv>

#include "net/header_rules.h"

namespace kintsugi::net {
namespace {

constexpr std::size_t kMaxHeadBytes = 256u << 10;

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// "HTTP/1.1 200 OK" → 200; 0 where it is none.
int status_of(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return 0;
  const std::string_view digits = line.substr(space + 1);
  int status = 0;
  std::from_chars(digits.data(), digits.data() + std::min<std::size_t>(digits.size(), 3), status);
  return status;
}

}  // namespace

CurlExchange::CurlExchange(const HttpRequest& request, Url url, Mode mode, MonotonicTime now)
    : request_(request), url_(std::move(url)), mode_(mode), deadline_(now + request.timeout) {}

CurlExchange::Event CurlExchange::next(std::string& bytes) {
  bytes.clear();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return (head_ && !head_taken_) || !waiting_bytes_.empty() || ended_; });
  if (head_ && !head_taken_) {
    head_taken_ = true;
    return Event::kHead;
  }
  if (waiting_bytes_.empty()) return Event::kEnd;
  bytes.swap(waiting_bytes_);
  return Event::kBytes;
}

bool CurlExchange::take_resume() {
  const std::lock_guard lock(mutex_);
  return std::exchange(paused_, false);
}

void CurlExchange::wait_end() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_; });
}

HttpResponse CurlExchange::head() const {
  const std::lock_guard lock(mutex_);
  return head_.value_or(HttpResponse{});
}

Result<HttpResponse> CurlExchange::take_result() {
  const std::lock_guard lock(mutex_);
  if (error_) return fail(*error_);
  return mode_ == Mode::kStream ? head_.value_or(HttpResponse{}) : std::move(response_);
}

bool CurlExchange::begin_sending() {
  return ++times_sent_ == 1 || may_repeat();
}

bool CurlExchange::may_repeat() const {
  return request_.method == "GET" || request_.method == "HEAD" || request_.method == "OPTIONS";
}

bool CurlExchange::add_header_line(std::string_view line, MonotonicTime now) {
  if (head_complete_) return true;  // trailers
  head_bytes_ += line.size();
  if (head_bytes_ > kMaxHeadBytes) {
    too_large_ = true;
    return false;
  }
  if (line.starts_with("HTTP/")) {
    response_ = HttpResponse{status_of(line), {}, {}};
    return true;
  }
  line = trim(line);
  if (line.empty()) {
    if (response_.status >= 200) finish_head(now);
    return true;
  }
  const std::size_t colon = std::min(line.find(':'), line.size());
  const std::string_view value = colon < line.size() ? trim(line.substr(colon + 1)) : std::string_view();
  response_.headers.add(std::string(line.substr(0, colon)), std::string(value));
  return true;
}

void CurlExchange::finish_head(MonotonicTime now) {
  head_complete_ = true;
  if (mode_ == Mode::kWhole) return;
  deadline_ = now + request_.idle_timeout;
  const std::lock_guard lock(mutex_);
  head_ = response_;
  changed_.notify_one();
}

CurlExchange::BodyVerdict CurlExchange::add_body(std::string_view bytes, MonotonicTime now) {
  if (mode_ == Mode::kWhole) {
    too_large_ = bytes.size() > request_.max_response_bytes - response_.body.size();
    if (too_large_) return BodyVerdict::kRefuse;
    response_.body.append(bytes);
    return BodyVerdict::kTaken;
  }
  const std::lock_guard lock(mutex_);
  if (!waiting_bytes_.empty() && waiting_bytes_.size() + bytes.size() > kStreamBufferBytes) {
    paused_ = true;
    deadline_ = MonotonicTime::max();  // the silence is ours
    return BodyVerdict::kPause;
  }
  deadline_ = now + request_.idle_timeout;
  waiting_bytes_.append(bytes);
  changed_.notify_one();
  return BodyVerdict::kTaken;
}

void CurlExchange::resume(MonotonicTime now) {
  deadline_ = now + request_.idle_timeout;
}

bool CurlExchange::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

void CurlExchange::finish(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  if (error) {
    error->on(url_.authority());
    error->outcome_unknown = connected();
  }
  error_ = std::move(error);
  ended_ = true;
  changed_.notify_one();
}

}  // namespace kintsugi::net
