// SPDX-License-Identifier: Apache-2.0
//
// Keeping a copy of a collection current: list it, then watch it for ever (K1, K2). This is the state machine
// alone, without I/O, threads or a clock of its own: it says what to ask for next, is told what came back,
// and delivers objects to a sink. reflector.h runs it.
//
//          ┌──────────── too old, unknown, malformed ───────────┐
//          ▼                                                    │
//     kListFirst ──► kListRest ──► kWatchStart ──► kWatching ───┤
//          ▲              │             ▲                       │
//          └─ 410 ────────┘             └── end, reset, 429 ────┘
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "k8s-client/core/api_error.h"
#include "k8s-client/core/list_params.h"
#include "k8s-client/core/list_reader.h"
#include "k8s-client/core/watch_event.h"
#include "k8s-client/runtime/backoff.h"

namespace kintsugi::k8s {

/// Where the machine's deliveries go, always on the thread that feeds the machine. Must not throw.
class ListWatchSink {
 public:
  virtual ~ListWatchSink() = default;
  /// A complete listing begins. What an unfinished one before it delivered is void.
  virtual void on_init() = 0;
  /// One object as it is now: of the listing until on_init_done, of the watch afterwards.
  virtual void on_apply(RawJson object) = 0;
  /// The object is gone; this is its last state.
  virtual void on_delete(RawJson object) = 0;
  /// The listing is complete: what it did not name does not exist (K4.1).
  virtual void on_init_done() = 0;
  /// Everything up to this version has been delivered (K6.3). Follows each event, bookmark and listing.
  virtual void on_resource_version(std::string_view version) = 0;
  /// Something failed and is being dealt with; for the log and for metrics.
  virtual void on_trouble(const Error& error) = 0;
};

/// What to do next.
struct ListStep {
  ListParams params;
};
struct WatchStep {
  WatchParams params;
};
struct WaitStep {
  MonotonicTime until;
};
using ListWatchStep = std::variant<ListStep, WatchStep, WaitStep>;

enum class ListWatchState {
  /// Nothing is known, or what is known is too old to be continued from.
  /// The next request is the first page of a listing.
  kListFirst,
  /// A listing is under way; pages so far have been delivered.
  /// The next request is the page that the continue token names.
  kListRest,
  /// The copy is complete up to a resource version.
  /// The next request is a watch from there.
  kWatchStart,
  /// A watch is open; its bytes are being delivered.
  /// Left when the stream ends, fails, or says that the version is too old.
  kWatching,
};

struct ListWatchOptions {
  std::string label_selector;
  std::string field_selector;
  bool metadata_only = false;
  std::uint32_t page_size = 500;  ///< K1.1
  std::size_t max_line_bytes = LineFramer::kDefaultMaxLine;
  BackoffPolicy backoff;
  std::uint64_t seed = 0;  ///< of jitter and watch durations: jitter_seed()
};

struct ListWatchCounters {
  std::uint64_t listings = 0;  ///< completed
  std::uint64_t watches = 0;   ///< begun
  std::uint64_t events = 0;    ///< added, modified, deleted
  std::uint64_t bookmarks = 0;
  std::uint64_t troubles = 0;
};

/// Not thread-safe. One instance follows one collection for the life of the process.
///
/// Policy: the first listing asks for the most recent state (resourceVersion "", K1.5); a relist asks for
/// something not older than what was seen, in one page from the server's cache (K1.4); if the server cannot
/// (410, or "too large resource version"), it is asked at once for the most recent state. Losing the server
/// keeps the version and never causes a relist by itself.
class ListWatch {
 public:
  /// `sink` must outlive this object.
  ListWatch(ListWatchOptions options, ListWatchSink& sink);

  /// The next thing to do; may be asked again without an answer in between (a wait that was cut short).
  /// Not to be asked while a watch is open.
  ListWatchStep next(MonotonicTime now);

  /// Answers to a ListStep. `page` is padded in place.
  void on_page(std::string& page, MonotonicTime now);
  void on_list_error(const ApiError& error, MonotonicTime now);

  /// What a WatchStep brings, in order: bytes, then one end. False from on_watch_bytes: close the stream; the
  /// end that follows is then of no importance.
  bool on_watch_bytes(std::string_view bytes, MonotonicTime now);
  void on_watch_end(MonotonicTime now);
  void on_watch_error(const ApiError& error, MonotonicTime now);

  ListWatchState state() const { return state_; }
  /// The last version up to which everything was delivered; empty before the first listing.
  const std::string& resource_version() const { return version_; }
  const ListWatchCounters& counters() const { return counters_; }

 private:
  ListParams list_params() const;
  WatchParams watch_params();
  void finish_listing();
  bool on_line(RawJson line, MonotonicTime now);
  void on_event(const WatchEvent& event);
  void advance(const std::string& version, bool was_added);
  void relist(const Error& why, std::chrono::nanoseconds delay, MonotonicTime now);
  void rewatch(const Error& why, MonotonicTime now);
  void wait_for(std::chrono::nanoseconds delay, const Error& why, MonotonicTime now);

  const ListWatchOptions options_;
  ListWatchSink& sink_;
  std::mt19937_64 random_;
  Backoff backoff_;
  ListReader list_reader_;
  LineFramer framer_;
  WatchEventParser event_parser_;
  ListWatchCounters counters_;

  ListWatchState state_ = ListWatchState::kListFirst;
  MonotonicTime not_before_{};  ///< when the next request may be made
  std::string version_;
  bool version_unavailable_ =
      false;                  ///< the server could not serve version_: ask for the most recent state (K1.4)
  bool in_one_page_ = false;  ///< a continue token expired: no pages this time (K1.2)
  std::string continue_token_;
  std::string listing_version_;  ///< page 1's resourceVersion, constant across pages (K1.1)
  MonotonicTime watch_started_{};
  bool watch_progressed_ = false;  ///< this watch brought something
  bool initial_events_ = false;    ///< watching from "" or "0": ADDED events are in no order (K2.4)
};

}  // namespace kintsugi::k8s
