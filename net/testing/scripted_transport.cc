// SPDX-License-Identifier: Apache-2.0
#include "net/testing/scripted_transport.h"

#include <algorithm>
#include <utility>

namespace kintsugi::net {
namespace {

using Rule = ScriptedTransport::Rule;

constexpr std::chrono::seconds kPatience{5};

std::string_view path_and_query(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t start = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t path = url.find('/', start);
  return path == std::string_view::npos ? "/" : url.substr(path);
}

bool fits(const HttpRequest& request, std::string_view method, std::string_view prefix) {
  const std::string_view target =
      prefix.starts_with('/') ? path_and_query(request.url) : std::string_view(request.url);
  return (method == "*" || request.method == method) && target.starts_with(prefix);
}

}  // namespace

Rule& Rule::times(int count) {
  times_left_ = count;
  return *this;
}

Rule& Rule::hold() {
  hold_ = true;
  return *this;
}

Rule& Rule::block() {
  block_ = true;
  return *this;
}

Rule& Rule::respond(int status, std::string body, Headers headers) {
  HttpResponse response{status, std::move(headers), std::move(body)};
  return answer([response = std::move(response)](const HttpRequest&) { return response; });
}

Rule& Rule::answer(Answer function) {
  answer_ = std::move(function);
  return *this;
}

Rule& Rule::fail_with(Error error) {
  return answer(
      [error = std::move(error)](const HttpRequest&) -> Result<HttpResponse> { return fail(error); });
}

Rule& Rule::chunks(std::vector<std::string> pieces) {
  chunks_ = std::move(pieces);
  return *this;
}

Rule& Rule::then_block() {
  block_after_ = true;
  return *this;
}

Rule& Rule::then_fail(Error error) {
  error_after_ = std::move(error);
  return *this;
}

Rule& ScriptedTransport::when(std::string method, std::string prefix) {
  const std::lock_guard lock(mutex_);
  Rule& rule = rules_.emplace_back();
  rule.method_ = std::move(method);
  rule.prefix_ = std::move(prefix);
  return rule;
}

void ScriptedTransport::release() {
  const std::lock_guard lock(mutex_);
  released_ = true;
  changed_.notify_all();
}

Result<Rule> ScriptedTransport::take_rule(const HttpRequest& request) {
  const std::lock_guard lock(mutex_);
  requests_.push_back(request);
  changed_.notify_all();
  for (Rule& rule : rules_) {
    if (rule.times_left_ == 0 || !fits(request, rule.method_, rule.prefix_)) continue;
    if (rule.times_left_) --*rule.times_left_;
    return rule;
  }
  return fail(ErrorCode::kInternal, "no answer is scripted for " + request.method + " " + request.url);
}

Result<HttpResponse> ScriptedTransport::begin(const Rule& rule, const HttpRequest& request,
                                              const std::stop_token& stop) {
  if (rule.hold_) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [&] { return released_; });
  }
  if (stop.stop_requested()) return fail(ErrorCode::kCancelled, "stopped");
  if (rule.block_) return wait_for_stop(stop);
  if (rule.answer_) return rule.answer_(request);
  HttpResponse response;
  response.status = 200;
  return response;
}

Result<HttpResponse> ScriptedTransport::wait_for_stop(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [] { return false; });
  return fail(ErrorCode::kCancelled, "stopped");
}

Result<HttpResponse> ScriptedTransport::send(const HttpRequest& request, std::stop_token stop) {
  Result<Rule> rule = take_rule(request);
  if (!rule) return fail(rule.error());
  Result<HttpResponse> response = begin(*rule, request, stop);
  if (!response) return response;
  for (const std::string& chunk : rule->chunks_) response->body += chunk;
  if (rule->error_after_) return fail(*rule->error_after_);
  if (rule->block_after_) return wait_for_stop(std::move(stop));
  if (response->body.size() > request.max_response_bytes) {
    return fail(ErrorCode::kTooLarge, "the response is too large");
  }
  return response;
}

Result<HttpResponse> ScriptedTransport::stream(const HttpRequest& request, std::stop_token stop,
                                               const ResponseSink& on_head, const BodySink& on_body) {
  Result<Rule> rule = take_rule(request);
  if (!rule) return fail(rule.error());
  Result<HttpResponse> head = begin(*rule, request, stop);
  if (!head) return head;
  std::vector<std::string> pieces = std::move(rule->chunks_);
  if (!head->body.empty()) pieces.insert(pieces.begin(), std::exchange(head->body, {}));
  if (!on_head(*head)) return head;
  for (const std::string& piece : pieces) {
    if (stop.stop_requested()) return fail(ErrorCode::kCancelled, "stopped");
    if (!on_body(piece)) return head;
  }
  if (rule->error_after_) return fail(*rule->error_after_);
  if (rule->block_after_) return wait_for_stop(std::move(stop));
  return head;
}

std::vector<HttpRequest> ScriptedTransport::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t ScriptedTransport::count(std::string_view method, std::string_view prefix) const {
  const std::lock_guard lock(mutex_);
  return std::size_t(std::count_if(requests_.begin(), requests_.end(), [&](const HttpRequest& request) {
    return fits(request, method, prefix);
  }));
}

bool ScriptedTransport::wait_for_requests(std::size_t at_least) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return requests_.size() >= at_least; });
}

}  // namespace kintsugi::net
