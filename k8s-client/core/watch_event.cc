// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/watch_event.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>
#include <utility>

#include "k8s-client/core/ondemand.h"

namespace kintsugi::k8s {
namespace {

using simdjson::ondemand::document;
using simdjson::ondemand::parser;
using simdjson::ondemand::value;

/// A buffer that grew for one huge line is given back once it is empty.
constexpr std::size_t kKeepBytes = 1u << 20;

WatchEventType type_of(std::string_view name) {
  if (name == "ADDED") return WatchEventType::kAdded;
  if (name == "MODIFIED") return WatchEventType::kModified;
  if (name == "DELETED") return WatchEventType::kDeleted;
  if (name == "BOOKMARK") return WatchEventType::kBookmark;
  if (name == "ERROR") return WatchEventType::kError;
  return WatchEventType::kUnknown;
}

/// metadata.resourceVersion, empty where the object has none or is malformed.
std::string resource_version_of(parser& reader, RawJson object) {
  document parsed;
  std::string_view version;
  if (reader.iterate(object.text.data(), object.text.size(), object.capacity()).get(parsed) ||
      parsed["metadata"]["resourceVersion"].get_string().get(version)) {
    return {};
  }
  return std::string(version);
}

/// The Status of an ERROR event is decoded as if it had been an HTTP answer of its own code (K2.6).
ApiError status_of(parser& reader, RawJson object) {
  document parsed;
  std::int64_t code = 0;
  if (reader.iterate(object.text.data(), object.text.size(), object.capacity()).get(parsed) ||
      parsed["code"].get_int64().get(code) || code < 400 || code > 599) {
    code = 500;
  }
  net::HttpResponse response;
  response.status = int(code);
  response.body = std::string(object.text);
  return decode_api_error(response, "watch");
}

}  // namespace

void LineFramer::append(std::string_view bytes) {
  buffer_.erase(0, start_);
  scanned_ -= start_;
  start_ = 0;
  if (buffer_.empty() && buffer_.capacity() > kKeepBytes) buffer_ = std::string();
  buffer_.append(bytes);
  (void)padded(buffer_);
}

Result<std::optional<RawJson>> LineFramer::next() {
  for (;;) {
    const void* found = std::memchr(buffer_.data() + scanned_, '\n', buffer_.size() - scanned_);
    const std::size_t end =
        found ? std::size_t(static_cast<const char*>(found) - buffer_.data()) : buffer_.size();
    const std::string_view line = std::string_view(buffer_).substr(start_, end - start_);
    if (line.size() > max_line_bytes_) {
      return fail(ErrorCode::kTooLarge,
                  fmt::format("a line of the stream is longer than {} bytes", max_line_bytes_));
    }
    scanned_ = end;
    if (!found) return std::nullopt;
    start_ = scanned_ = end + 1;
    if (!line.empty()) return RawJson{line};
  }
}

RawJson LineFramer::rest() {
  return {std::string_view(buffer_).substr(start_)};
}

struct WatchEventParser::Parsers {
  parser envelope;
  parser object;
};

WatchEventParser::WatchEventParser() : parsers_(std::make_unique<Parsers>()) {}
WatchEventParser::~WatchEventParser() = default;
WatchEventParser::WatchEventParser(WatchEventParser&&) noexcept = default;
WatchEventParser& WatchEventParser::operator=(WatchEventParser&&) noexcept = default;

Result<WatchEvent> WatchEventParser::parse(RawJson line) {
  WatchEvent event;
  bool has_type = false;
  const auto error = read_object(parsers_->envelope, line, [&](std::string_view key, value field) {
    if (key == "type") {
      std::string_view name;
      if (const auto failure = field.get_string().get(name)) return failure;
      event.type = type_of(name);
      has_type = true;
    } else if (key == "object") {
      return raw_structure(field).get(event.object.text);
    }
    return simdjson::SUCCESS;
  });
  if (error || !has_type || event.object.text.empty()) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("a line of the watch is no event: {}",
                            error ? simdjson::error_message(error) : "type or object missing"));
  }
  if (event.type == WatchEventType::kError) {
    event.error = status_of(parsers_->object, event.object);
  } else {
    event.resource_version = resource_version_of(parsers_->object, event.object);
  }
  return event;
}

}  // namespace kintsugi::k8s
