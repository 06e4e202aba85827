// SPDX-License-Identifier: Apache-2.0
#include "net/server_response.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "net/header_rules.h"

namespace kintsugi::net {
namespace {

std::string_view reason_phrase(int status) {
  static constexpr std::array<std::pair<int, std::string_view>, 30> kPhrases{{
      {100, "Continue"},
      {101, "Switching Protocols"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  }};
  const auto* found = std::find_if(kPhrases.begin(), kPhrases.end(),
                                   [&](const auto& phrase) { return phrase.first == status; });
  return found == kPhrases.end() ? "Status" : found->second;
}

bool has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

bool is_ours(std::string_view name) {
  constexpr std::array<std::string_view, 4> kOurs{"Content-Length", "Transfer-Encoding", "Connection",
                                                  "Date"};
  return std::any_of(kOurs.begin(), kOurs.end(), [&](auto ours) { return equals_ignoring_case(name, ours); });
}

/// The length header, or nothing where the answer has no body or HTTP has another way to tell its end.
std::string framing_line(const HttpResponse& response, BodyFraming framing, bool head_request) {
  if (has_no_body(response.status) || framing == BodyFraming::kUntilClose) return {};
  if (framing == BodyFraming::kChunked) return "Transfer-Encoding: chunked\r\n";
  const std::string* promised = response.headers.find("Content-Length");
  if (head_request && promised != nullptr && response.body.empty())
    return "Content-Length: " + *promised + "\r\n";
  return fmt::format("Content-Length: {}\r\n", response.body.size());
}

bool is_sendable(const HttpResponse& response) {
  return response.status >= 100 && response.status <= 999 && check_headers(response.headers).has_value();
}

}  // namespace

std::string format_response_head(const HttpResponse& response, BodyFraming framing,
                                 const ResponseContext& context) {
  if (!is_sendable(response))
    return format_response_head(HttpResponse{500, {}, {}}, BodyFraming::kLength, context);
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  for (const auto& [name, value] : response.headers.all()) {
    if (!is_ours(name)) head.append(name).append(": ").append(value).append("\r\n");
  }
  head += framing_line(response, framing, context.head_request);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(context.now);
  head += fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} GMT\r\n",
                      fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
  if (!context.keep_alive) head += "Connection: close\r\n";
  return head + "\r\n";
}

std::string format_response(HttpResponse response, const ResponseContext& context) {
  if (!is_sendable(response)) response = plain_response(500);
  std::string text = format_response_head(response, BodyFraming::kLength, context);
  if (!context.head_request && !has_no_body(response.status)) text += response.body;
  return text;
}

HttpResponse plain_response(int status) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.body = std::string(reason_phrase(status)) + "\n";
  return response;
}

}  // namespace kintsugi::net
