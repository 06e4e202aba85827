// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/auth/token_file.h"

#include <algorithm>
#include <utility>

#include "base/file.h"

namespace kintsugi::k8s {
namespace {

constexpr std::chrono::seconds kReadAgainAfter{50};
constexpr std::size_t kMaxTokenBytes = 64u << 10;

Result<Secret> read_token(const std::string& path) {
  auto text = read_file(path, kMaxTokenBytes);
  if (!text) return fail(std::move(text).error());
  auto token = parse_token(Secret(std::move(*text)).reveal());
  if (!token) return fail(std::move(token).error().on(path));
  return token;
}

}  // namespace

Result<Secret> parse_token(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return fail(ErrorCode::kUnauthorized, "the token is empty");
  text = text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; })) {
    return fail(ErrorCode::kUnauthorized, "the token has characters that a header cannot carry");
  }
  return Secret(std::string(text));
}

TokenFile::TokenFile(std::string path, const Clock& clock) : path_(std::move(path)), clock_(clock) {}

Result<Secret> TokenFile::token() {
  std::lock_guard lock(mutex_);
  const MonotonicTime now = clock_.monotonic();
  if (!token_.empty() && now - read_at_ < kReadAgainAfter) return token_;
  auto fresh = read_token(path_);
  if (!fresh) {
    if (!token_.empty()) return token_;
    return fresh;
  }
  token_ = std::move(*fresh);
  read_at_ = now;
  return token_;
}

void TokenFile::drop_older_than(MonotonicTime request_start) {
  std::lock_guard lock(mutex_);
  if (read_at_ <= request_start) token_ = Secret();
}

}  // namespace kintsugi::k8s
