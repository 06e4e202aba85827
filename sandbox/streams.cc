// SPDX-License-Identifier: Apache-2.0
#include "sandbox/streams.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace kintsugi::sandbox {
namespace {

using nlohmann::json;

const char* name_of(Change::Type type) {
  switch (type) {
    case Change::Type::kAdded: return "ADDED";
    case Change::Type::kModified: return "MODIFIED";
    case Change::Type::kDeleted: return "DELETED";
  }
  return "";
}

std::string line(const char* type, const std::string& object) {
  return std::string("{\"type\":\"") + type + "\",\"object\":" + object + "}\n";
}

std::string dump(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string bookmark(const WatchStart& watch, std::uint64_t version) {
  const json object{
      {"kind", watch.metadata_only ? "PartialObjectMetadata" : watch.resource.kind},
      {"apiVersion", watch.metadata_only ? "meta.k8s.io/v1" : watch.resource.api_version()},
      {"metadata", {{"resourceVersion", std::to_string(version)}, {"creationTimestamp", nullptr}}}};
  return line("BOOKMARK", dump(object));
}

/// The Status that ends an exec.
json exit_status(const std::vector<std::string>& command, const std::optional<k8s::ExecResult>& result) {
  json status{{"metadata", json::object()}, {"status", "Failure"}};
  if (!result) {
    status["message"] = "Internal error occurred: error executing command in container: exec: \"" +
                        command.front() + "\": executable file not found in $PATH: unknown";
    status["reason"] = "InternalError";
    status["code"] = 500;
  } else if (result->exit_code == 0) {
    status["status"] = "Success";
  } else {
    const std::string code = std::to_string(result->exit_code);
    status["message"] = "command terminated with non-zero exit code: exit status " + code;
    status["reason"] = "NonZeroExitCode";
    status["details"]["causes"] = json::array({{{"reason", "ExitCode"}, {"message", code}}});
  }
  return status;
}

}  // namespace

WatchServer::WatchServer(const ObjectStore& store, const Clock& clock,
                         std::chrono::milliseconds bookmark_interval)
    : store_(store), clock_(clock), bookmark_interval_(bookmark_interval) {}

WatchServer::~WatchServer() {
  std::list<Watch> watches;
  {
    const std::lock_guard lock(mutex_);
    for (Watch& watch : watches_) watch.thread.request_stop();
    watches.swap(watches_);
  }
}

void WatchServer::start(WatchStart watch, std::shared_ptr<net::BodyWriter> writer) {
  const std::lock_guard lock(mutex_);
  watches_.remove_if([](const Watch& ended) { return ended.done; });
  Watch& entry = watches_.emplace_back();
  entry.thread = std::jthread([this, &entry, watch = std::move(watch),
                               writer = std::move(writer)](const std::stop_token& stop) mutable {
    serve(watch, *writer, stop);
    writer.reset();
    const std::lock_guard done(mutex_);
    entry.done = true;
  });
}

void WatchServer::serve(const WatchStart& watch, net::BodyWriter& writer, const std::stop_token& stop) const {
  const MonotonicTime end = clock_.monotonic() + watch.timeout;
  MonotonicTime next_bookmark = clock_.monotonic() + bookmark_interval_;
  std::uint64_t version = watch.since.value_or(0);
  if (!watch.since && !send_present(watch, writer, version)) return;
  while (!stop.stop_requested() && clock_.monotonic() < end) {
    if (!send_changes(watch, writer, version)) return;
    if (watch.bookmarks && clock_.monotonic() >= next_bookmark) {
      if (!writer.write(bookmark(watch, version))) return;
      next_bookmark = clock_.monotonic() + bookmark_interval_;
    }
    store_.wait_for_change(version, watch.bookmarks ? std::min(end, next_bookmark) : end);
  }
}

bool WatchServer::send_present(const WatchStart& watch, net::BodyWriter& writer,
                               std::uint64_t& version) const {
  const auto page = store_.list(watch.resource, {.selection = watch.selection});
  if (!page) return false;
  version = page->version;
  return std::all_of(page->items.begin(), page->items.end(), [&](const Object& object) {
    return writer.write(line("ADDED", dump(shown(object, watch.metadata_only))));
  });
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
    if (seen && !writer.write(line(name_of(seen->type), dump(shown(seen->object, watch.metadata_only)))))
      return false;
  }
  version = std::max(version, present);
  return true;
}

void serve_exec(const Containers& containers, const ExecStart& exec, net::WebSocketPeer& peer) {
  const auto result = containers.run(exec.command);
  if (result && !result->standard_output.empty()) peer.send('\1' + result->standard_output);
  if (result && !result->standard_error.empty()) peer.send('\2' + result->standard_error);
  peer.send('\3' + dump(exit_status(exec.command, result)));
  peer.close();
}

}  // namespace kintsugi::sandbox
