// SPDX-License-Identifier: Apache-2.0
#include "sandbox/watch_server.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

/// Often enough to be seen in tests; a real server takes a minute.
constexpr std::chrono::seconds kBookmarkInterval{1};

const char* name_of(Change::Type type) {
  switch (type) {
    case Change::Type::kAdded: return "ADDED";
    case Change::Type::kModified: return "MODIFIED";
    case Change::Type::kDeleted: return "DELETED";
  }
  return "";
}

std::string line(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

std::string line(const std::string& type, const json& object) {
  return line(type, object.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string bookmark(const WatchStart& watch, std::uint64_t version) {
  return line("BOOKMARK", json{{"kind", watch.resource.kind},
                               {"apiVersion", watch.resource.api_version()},
                               {"metadata", {{"resourceVersion", std::to_string(version)}}}});
}

}  // namespace

void WatchServer::start(WatchStart watch, net::Responder& responder) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  watches_.remove_if([](const Watch& ended) { return ended.done; });
  net::HttpResponse head{200, {}, ""};
  head.headers.add("Content-Type", "application/json");
  Watch& entry = watches_.emplace_back();
  entry.thread = std::jthread([this, &entry, watch = std::move(watch),
                               writer = responder.start_stream(head)](const std::stop_token& stop) mutable {
    serve(watch, *writer, stop);
    writer.reset();
    const std::lock_guard done(mutex_);
    entry.done = true;
  });
}

void WatchServer::stop() {
  std::list<Watch> watches;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (Watch& watch : watches_) watch.thread.request_stop();
    watches.swap(watches_);
  }
}

void WatchServer::serve(const WatchStart& watch, net::BodyWriter& writer, const std::stop_token& stop) const {
  const MonotonicTime end = clock_.monotonic() + watch.timeout;
  MonotonicTime next_bookmark =
      watch.bookmarks ? clock_.monotonic() + kBookmarkInterval : MonotonicTime::max();
  std::uint64_t version = watch.since.value_or(0);
  if (!watch.since && !send_present(watch, writer, version)) return;
  while (!stop.stop_requested() && clock_.monotonic() < end) {
    if (!send_changes(watch, writer, version)) return;
    if (clock_.monotonic() >= next_bookmark) {
      if (!writer.write(bookmark(watch, version))) return;
      next_bookmark = clock_.monotonic() + kBookmarkInterval;
    }
    store_.wait_for_change(version, std::min(end, next_bookmark));
  }
}

bool WatchServer::send_present(const WatchStart& watch, net::BodyWriter& writer,
                               std::uint64_t& version) const {
  const Listing listing = store_.list(watch.resource, watch.selection);
  version = listing.version;
  return std::all_of(listing.objects.begin(), listing.objects.end(),
                     [&](const Object& object) { return writer.write(line("ADDED", *object)); });
}

bool WatchServer::send_changes(const WatchStart& watch, net::BodyWriter& writer,
                               std::uint64_t& version) const {
  const std::uint64_t present = store_.version();
  const auto changes = store_.changes_after(watch.resource, version);
  if (!changes) {
    writer.write(line("ERROR", changes.error().to_json()));
    return false;
  }
  for (const Change& change : *changes) {
    version = change.version;
    const auto seen = seen_through(watch.selection, change);
    if (seen && !writer.write(line(name_of(seen->type), *seen->object))) return false;
  }
  version = std::max(version, present);
  return true;
}

}  // namespace kintsugi::sandbox
