// SPDX-License-Identifier: Apache-2.0
#include "controller/signal_tokens.h"

#include <fmt/format.h>

namespace kintsugi::controller {
namespace {

constexpr std::string_view kScheme = "Bearer ";
constexpr std::string_view kBlanks = " \t\r";
constexpr std::size_t kShortest = 16;

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

Result<std::vector<std::pair<std::string, Secret>>> SignalTokens::parse(std::string_view text) {
  std::vector<std::pair<std::string, Secret>> tokens;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t blank = line.find_first_of(kBlanks);
    const std::string_view token =
        blank == std::string_view::npos ? std::string_view() : trim(line.substr(blank));
    if (token.size() < kShortest || token.find_first_of(kBlanks) != std::string_view::npos) {
      return fail(
          ErrorCode::kInvalidInput,
          fmt::format("line {}: expected a source and a token of at least {} characters", number, kShortest));
    }
    tokens.emplace_back(std::string(line.substr(0, blank)), Secret(std::string(token)));
  }
  if (tokens.empty()) return fail(ErrorCode::kInvalidInput, "no tokens");
  return tokens;
}

void SignalTokens::replace(std::vector<std::pair<std::string, Secret>> tokens) {
  std::lock_guard lock(mutex_);
  tokens_ = std::move(tokens);
}

bool SignalTokens::admits(std::string_view source, std::string_view authorization) const {
  if (!authorization.starts_with(kScheme)) return false;
  const std::string_view token = authorization.substr(kScheme.size());
  bool admitted = false;
  std::lock_guard lock(mutex_);
  for (const auto& [owner, secret] : tokens_) {
    const bool same = secret.equals(token);
    admitted = admitted || (same && owner == source);
  }
  return admitted;
}

}  // namespace kintsugi::controller
