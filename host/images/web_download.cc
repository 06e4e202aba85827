// SPDX-License-Identifier: Apache-2.0
#include "host/images/web_download.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "trust/crypto/reasons.h"

namespace kintsugi::host {
namespace {

namespace reason = trust::reason;
using std::chrono::milliseconds;

std::optional<std::uint64_t> number_in(const std::string* text) {
  if (text == nullptr) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc() && end == text->data() + text->size() ? std::optional(value) : std::nullopt;
}

/// What a status other than the wanted one means.
Error error_of_status(int status) {
  const std::string said = fmt::format("the server answers {}", status);
  if (status == 404 || status == 410)
    return make_error(ErrorCode::kNotFound, said).because(reason::kSourceNotFound);
  if (status == 429 || status == 408 || status >= 500)
    return make_error(ErrorCode::kUnavailable, said).because(reason::kSourceUnavailable);
  if (status >= 300 && status < 400) {
    return make_error(ErrorCode::kRefused, said + ", which leads elsewhere")
        .advise("give the address where the file really is")
        .because(reason::kRedirectRefused);
  }
  return make_error(ErrorCode::kRefused, said).because(reason::kSourceInvalid);
}

class Download {
 public:
  Download(net::HttpTransport& transport, const std::string& url, ImageSink& sink, const Clock& clock,
           const trust::Call& call, const DownloadOptions& options)
      : transport_(transport), url_(url), sink_(sink), clock_(clock), call_(call), options_(options) {}

  Result<void> run() {
    for (int breaks = 0;;) {
      const std::uint64_t before = received_;
      auto ended = ask();
      if (ended) return ended;
      breaks = received_ > before ? 1 : breaks + 1;
      if (is_final_ || !ended.error().retryable || breaks >= options_.most_breaks) return ended;
      if (auto waited = wait(); !waited) return waited;
    }
  }

 private:
  net::HttpRequest request() const {
    net::HttpRequest request;
    request.url = url_;
    request.priority = net::Priority::kBackground;
    const auto left = std::chrono::duration_cast<milliseconds>(call_.deadline - clock_.monotonic());
    request.timeout = std::clamp(left, milliseconds(1), options_.head_timeout);
    request.idle_timeout = options_.idle_timeout;
    if (received_ > 0) request.headers.add("Range", fmt::format("bytes={}-", received_));
    return request;
  }

  /// One request, from where the last one ended.
  Result<void> ask() {
    if (call_.stop.stop_requested())
      return fail(make_error(ErrorCode::kCancelled, "stopped").because(reason::kCancelled));
    refusal_.reset();
    const auto answer = transport_.stream(
        request(), call_.stop, [&](const net::HttpResponse& head) { return take_head(head); },
        [&](std::string_view bytes) {
          received_ += bytes.size();
          return take(sink_.write(bytes));
        });
    if (refusal_) return fail(*refusal_);
    if (!answer) return fail(source_trouble(answer.error()));
    if (!size_ || received_ == *size_) return {};
    return fail(make_error(ErrorCode::kUnavailable,
                           fmt::format("the server ended after {} of {} bytes", received_, *size_))
                    .because(reason::kSourceUnavailable));
  }

  bool take_head(const net::HttpResponse& head) {
    if (received_ > 0) return take_head_of_rest(head);
    if (head.status != 200) return refuse(error_of_status(head.status), false);
    if (head.headers.find("Content-Encoding") != nullptr) {
      return refuse(make_error(ErrorCode::kRefused, "the server sends it in another encoding than it has")
                        .because(reason::kSourceInvalid),
                    true);
    }
    size_ = number_in(head.headers.find("Content-Length"));
    return !size_ || take(sink_.expect(*size_));
  }

  bool take_head_of_rest(const net::HttpResponse& head) {
    const std::string* range = head.headers.find("Content-Range");
    if (head.status == 206 && range != nullptr && range->starts_with(fmt::format("bytes {}-", received_)))
      return true;
    if (head.status != 200 && head.status != 206) return refuse(error_of_status(head.status), false);
    return refuse(make_error(ErrorCode::kUnavailable,
                             "the connection broke, and the server cannot go on where it ended")
                      .because(reason::kSourceUnavailable),
                  true);
  }

  /// What the sink will not take is not asked for again.
  bool take(Result<void> taken) { return taken || refuse(std::move(taken).error(), true); }

  /// Ends the stream; the error is then the answer.
  bool refuse(Error error, bool is_final) {
    refusal_ = std::move(error);
    is_final_ = is_final;
    return false;
  }

  static Error source_trouble(const Error& error) {
    if (error.code == ErrorCode::kCancelled) return Error(error).because(reason::kCancelled);
    return Error(error).because(error.retryable ? reason::kSourceUnavailable : reason::kSourceInvalid);
  }

  Result<void> wait() const {
    const MonotonicTime until = clock_.monotonic() + options_.pause;
    if (until >= call_.deadline) {
      return fail(make_error(ErrorCode::kTimeout, "the file was not there before the deadline")
                      .because(reason::kSourceUnavailable));
    }
    std::mutex mutex;
    std::condition_variable wake;
    const std::stop_callback on_stop(call_.stop, [&] {
      const std::lock_guard between_look_and_wait(mutex);
      wake.notify_all();
    });
    std::unique_lock lock(mutex);
    while (!call_.stop.stop_requested() && clock_.monotonic() < until) clock_.wait_until(lock, wake, until);
    return {};
  }

  net::HttpTransport& transport_;
  const std::string& url_;
  ImageSink& sink_;
  const Clock& clock_;
  const trust::Call& call_;
  const DownloadOptions& options_;
  std::uint64_t received_ = 0;
  std::optional<std::uint64_t> size_;
  std::optional<Error> refusal_;  ///< of our own, in the last request
  bool is_final_ = false;         ///< and asking again cannot help
};

}  // namespace

Result<void> download(net::HttpTransport& transport, const std::string& url, ImageSink& sink,
                      const Clock& clock, const trust::Call& call, const DownloadOptions& options) {
  auto done = Download(transport, url, sink, clock, call, options).run();
  if (!done && done.error().object.empty()) done.error().on(url);
  return done;
}

}  // namespace kintsugi::host
