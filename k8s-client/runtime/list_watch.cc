// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/list_watch.h"

#include <algorithm>
#include <utility>

namespace kintsugi::k8s {
namespace {

using namespace std::chrono_literals;

constexpr auto kHealthyAfter = 2min;             // K2.9
constexpr auto kVeryShortWatch = 1s;             // K2.7
constexpr std::uint32_t kMinWatchSeconds = 300;  // K2.1
constexpr std::uint32_t kMaxWatchSeconds = 600;

/// Failures after which the version is as good as before: the server was not reached, is overloaded, or does
/// not take us just now (K2.5). 500 and what else a server says means that it cannot serve this watch.
bool keeps_version(const ApiError& error) {
  return !error.from_server() || error.http_status == 429 || error.http_status == 503;
}

}  // namespace

ListWatch::ListWatch(ListWatchOptions options, ListWatchSink& sink)
    : options_(std::move(options)),
      sink_(sink),
      random_(options_.seed),
      backoff_(options_.backoff, kHealthyAfter, options_.seed),
      framer_(options_.max_line_bytes) {}

ListWatchStep ListWatch::next(MonotonicTime now) {
  if (now < not_before_) return WaitStep{not_before_};
  if (state_ == ListWatchState::kListFirst || state_ == ListWatchState::kListRest)
    return ListStep{list_params()};
  state_ = ListWatchState::kWatching;
  framer_ = LineFramer(options_.max_line_bytes);
  watch_started_ = now;
  watch_progressed_ = false;
  initial_events_ = version_.empty() || version_ == "0";
  ++counters_.watches;
  return WatchStep{watch_params()};
}

ListParams ListWatch::list_params() const {
  ListParams params;
  params.label_selector = options_.label_selector;
  params.field_selector = options_.field_selector;
  params.metadata_only = options_.metadata_only;
  params.limit = options_.page_size;
  if (state_ == ListWatchState::kListRest) {
    params.continue_token = continue_token_;
  } else if (!version_.empty() && !version_unavailable_) {
    params.resource_version = version_;
    params.resource_version_match = "NotOlderThan";
    params.limit = 0;  // with a limit it would mean Exact (K1.3)
  } else if (in_one_page_) {
    params.limit = 0;
  }
  return params;
}

WatchParams ListWatch::watch_params() {
  WatchParams params;
  params.label_selector = options_.label_selector;
  params.field_selector = options_.field_selector;
  params.metadata_only = options_.metadata_only;
  params.resource_version = version_;
  params.timeout_seconds = std::uniform_int_distribution(kMinWatchSeconds, kMaxWatchSeconds)(random_);
  return params;
}

void ListWatch::on_page(std::string& page, MonotonicTime now) {
  if (state_ == ListWatchState::kListFirst) sink_.on_init();
  const auto meta = list_reader_.read(padded(page), [this](RawJson item) { sink_.on_apply(item); });
  if (!meta) return relist(meta.error(), backoff_.next(now), now);
  if (state_ == ListWatchState::kListFirst) listing_version_ = meta->resource_version;
  if (meta->continue_token.empty()) return finish_listing();
  continue_token_ = meta->continue_token;
  state_ = ListWatchState::kListRest;
}

void ListWatch::finish_listing() {
  version_ = std::exchange(listing_version_, {});
  version_unavailable_ = false;
  in_one_page_ = false;
  state_ = ListWatchState::kWatchStart;
  ++counters_.listings;
  sink_.on_init_done();
  sink_.on_resource_version(version_);
}

void ListWatch::on_list_error(const ApiError& error, MonotonicTime now) {
  if (state_ == ListWatchState::kListRest && error.is_expired()) {
    in_one_page_ = true;  // K1.2; the token that such an answer may carry is inconsistent
    return relist(error, backoff_.next_unless_first(now), now);
  }
  if (error.is_expired() || error.is_resource_version_too_large()) {
    // At once, but only the first time: "" can always be served, so a second such answer is a broken server
    // (K1.4).
    const bool first = !version_.empty() && !std::exchange(version_unavailable_, true);
    return relist(error, first ? 0ns : backoff_.next(now), now);
  }
  if (error.code == ErrorCode::kTooLarge && state_ == ListWatchState::kListFirst) {
    version_unavailable_ = true;  // one page holds no more of this collection: list it in several
    in_one_page_ = false;
    return relist(error, backoff_.next(now), now);
  }
  // A page that was not answered is asked for again; any other refusal starts over.
  if (keeps_version(error)) return wait_for(backoff_.next(now), error, now);
  relist(error, backoff_.next(now), now);
}

bool ListWatch::on_watch_bytes(std::string_view bytes, MonotonicTime now) {
  framer_.append(bytes);
  while (state_ == ListWatchState::kWatching) {
    const auto line = framer_.next();
    if (!line) {
      relist(line.error(), backoff_.next(now), now);
    } else if (!*line) {
      return true;
    } else if (!on_line(**line, now)) {
      break;
    }
  }
  return false;
}

bool ListWatch::on_line(RawJson line, MonotonicTime now) {
  const auto event = event_parser_.parse(line);
  if (!event) {
    relist(event.error(), backoff_.next(now), now);
    return false;
  }
  if (event->type == WatchEventType::kError) {
    on_watch_error(*event->error, now);
    return false;
  }
  on_event(*event);
  return true;
}

void ListWatch::on_event(const WatchEvent& event) {
  switch (event.type) {
    case WatchEventType::kAdded:
    case WatchEventType::kModified: sink_.on_apply(event.object); break;
    case WatchEventType::kDeleted: sink_.on_delete(event.object); break;
    case WatchEventType::kBookmark: ++counters_.bookmarks; break;  // K2.3
    default: return;
  }
  if (event.type != WatchEventType::kBookmark) {
    ++counters_.events;
    watch_progressed_ = true;
  }
  advance(event.resource_version, event.type == WatchEventType::kAdded);
}

void ListWatch::advance(const std::string& version, bool was_added) {
  if (!was_added) initial_events_ = false;
  if (initial_events_ || version.empty() || version == version_) return;  // K2.4
  version_ = version;
  watch_progressed_ = true;
  sink_.on_resource_version(version_);
}

void ListWatch::on_watch_end(MonotonicTime now) {
  if (state_ != ListWatchState::kWatching) return;
  // A last event may lack its newline; a cut one does not parse and comes again, as the version stands before
  // it.
  const RawJson tail = framer_.rest();
  if (!tail.text.empty() && event_parser_.parse(tail) && !on_line(tail, now)) return;
  if (!watch_progressed_ && now - watch_started_ < kVeryShortWatch) {
    return rewatch(make_error(ErrorCode::kUnavailable, "the watch ended at once and brought nothing"),
                   now);  // K2.7
  }
  state_ = ListWatchState::kWatchStart;  // K2.1: normal, go on from here
}

void ListWatch::on_watch_error(const ApiError& error, MonotonicTime now) {
  if (state_ != ListWatchState::kWatching) return;
  if (error.is_expired()) return relist(error, backoff_.next_unless_first(now), now);  // K2.5, K2.6
  if (error.is_resource_version_too_large()) {
    version_unavailable_ = true;  // the server is behind us (K1.6)
    return relist(error, backoff_.next_unless_first(now), now);
  }
  if (keeps_version(error)) return rewatch(error, now);
  relist(error, backoff_.next(now), now);
}

void ListWatch::relist(const Error& why, std::chrono::nanoseconds delay, MonotonicTime now) {
  state_ = ListWatchState::kListFirst;
  continue_token_.clear();
  wait_for(delay, why, now);
}

void ListWatch::rewatch(const Error& why, MonotonicTime now) {
  state_ = ListWatchState::kWatchStart;
  wait_for(backoff_.next(now), why, now);
}

void ListWatch::wait_for(std::chrono::nanoseconds delay, const Error& why, MonotonicTime now) {
  ++counters_.troubles;
  if (why.retry_after) delay = std::max<std::chrono::nanoseconds>(delay, *why.retry_after);
  not_before_ = now + delay;
  sink_.on_trouble(why);
}

}  // namespace kintsugi::k8s
