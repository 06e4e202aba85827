// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/runtime/event_aggregator.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/escape.h"
#include "base/time.h"

namespace kintsugi::k8s {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kRefreshAfter = 30min;        // K9.2
constexpr auto kFinishAfter = 6min;          // K9.2
constexpr std::size_t kMaxNoteBytes = 1024;  // K9.6, and what the API server accepts
constexpr std::size_t kMaxWordBytes = 128;   // action, reason, reportingInstance
constexpr std::size_t kMaxNameBytes = 253;
constexpr std::size_t kMaxSeries = 4096;  // beyond it repeats are events of their own

json to_json(const ObjectReference& object) {
  json reference = {{"apiVersion", object.api_version}, {"kind", object.kind}, {"name", object.key.name}};
  if (!object.key.name_space.empty()) reference["namespace"] = object.key.name_space;
  if (!object.uid.empty()) reference["uid"] = object.uid;
  return reference;
}

json series_to_json(std::int64_t count, WallTime last) {
  return {{"count", count}, {"lastObservedTime", format_micros(last)}};
}

/// Some kinds allow names that an Event's name may not contain ("system:node").
std::string as_dns_name(std::string_view name, std::size_t max_bytes) {
  const auto is_alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  std::string safe;
  for (char c : name.substr(0, max_bytes)) {
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
    if (!is_alphanumeric(c) && c != '.') c = '-';
    if (!safe.empty() || is_alphanumeric(c)) safe += c;
  }
  while (!safe.empty() && !is_alphanumeric(safe.back())) safe.pop_back();
  return safe.empty() ? "unnamed" : safe;
}

/// At most `max_bytes` of safe text; escape() puts its mark behind what it was allowed.
std::string escape_within(std::string_view untrusted, std::size_t max_bytes) {
  return escape(untrusted, max_bytes - std::string_view("…").size());
}

}  // namespace

EventAggregator::EventAggregator(std::string controller, const std::string& instance)
    : controller_(std::move(controller)), instance_(escape_within(instance, kMaxWordBytes)) {}

std::optional<EventWrite> EventAggregator::record(const EventNote& note, WallTime stamp, MonotonicTime now) {
  Key key{note.type, note.action, note.reason, note.regarding, note.related};
  if (const auto found = series_.find(key); found != series_.end()) {
    Series& series = found->second;
    ++series.count;
    series.last_stamp = stamp;
    series.last_seen = now;
    if (series.count != 2) return std::nullopt;
    return write(series, now);
  }
  Series series{note, name_event(note.regarding, stamp), stamp, stamp, now, now};
  EventWrite created{false, series.event, {}, whole_event(series)};
  if (series_.size() < kMaxSeries) series_.emplace(std::move(key), std::move(series));
  return created;
}

std::vector<EventWrite> EventAggregator::sweep(MonotonicTime now) {
  std::vector<EventWrite> writes;
  for (auto entry = series_.begin(); entry != series_.end();) {
    Series& series = entry->second;
    const bool finished = now - series.last_seen >= kFinishAfter;
    const bool unwritten = series.count > series.written_count;
    if (unwritten && (finished || now - series.last_written >= kRefreshAfter))
      writes.push_back(write(series, now));
    entry = finished ? series_.erase(entry) : std::next(entry);
  }
  return writes;
}

ObjectKey EventAggregator::name_event(const ObjectReference& regarding, WallTime stamp) {
  last_name_stamp_ = std::max(last_name_stamp_ + 1, std::int64_t(stamp.time_since_epoch().count()));
  const std::string suffix = fmt::format(".{:x}", last_name_stamp_);
  return {regarding.key.name_space.empty() ? "default" : regarding.key.name_space,
          as_dns_name(regarding.key.name, kMaxNameBytes - suffix.size()) + suffix};
}

EventWrite EventAggregator::write(Series& series, MonotonicTime now) {
  series.written_count = series.count;
  series.last_written = now;
  // `add` replaces a member that exists.
  const json patch = json::array(
      {{{"op", "add"}, {"path", "/series"}, {"value", series_to_json(series.count, series.last_stamp)}}});
  return {true, series.event, patch.dump(), whole_event(series)};
}

std::string EventAggregator::whole_event(const Series& series) const {
  const EventNote& note = series.first;
  json event = {{"apiVersion", kEvents.api_version()},
                {"kind", kEvents.kind},
                {"metadata", {{"name", series.event.name}, {"namespace", series.event.name_space}}},
                {"eventTime", format_micros(series.first_stamp)},
                {"type", note.type == EventType::kWarning ? "Warning" : "Normal"},
                {"action", escape_within(note.action, kMaxWordBytes)},
                {"reason", escape_within(note.reason, kMaxWordBytes)},
                {"note", escape_within(note.note, kMaxNoteBytes)},
                {"reportingController", controller_},
                {"reportingInstance", instance_},
                {"regarding", to_json(note.regarding)}};
  if (note.related) event["related"] = to_json(*note.related);
  if (series.count > 1) event["series"] = series_to_json(series.count, series.last_stamp);
  return event.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace kintsugi::k8s
