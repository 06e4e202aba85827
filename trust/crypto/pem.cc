// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/pem.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"

namespace kintsugi::trust {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

}  // namespace

std::string_view trim(std::string_view text) {
  const std::size_t start = text.find_first_not_of(kSpace);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kSpace) - start + 1);
}

Result<std::string> take_pem_block(std::string_view& text, std::string_view type) {
  const std::string begin = fmt::format("-----BEGIN {}-----", type);
  const std::string end = fmt::format("-----END {}-----", type);
  if (!text.starts_with(begin))
    return fail(ErrorCode::kInvalidInput, fmt::format("expected PEM of type {}", type));
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return fail(ErrorCode::kInvalidInput, "PEM block without its end");
  std::string body(text.substr(begin.size(), at - begin.size()));
  std::erase_if(body, [](char c) { return kSpace.find(c) != std::string_view::npos; });
  auto der = base64_decode(body);
  if (der) text = trim(text.substr(at + end.size()));
  return der;
}

}  // namespace kintsugi::trust
