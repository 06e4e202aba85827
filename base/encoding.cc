// SPDX-License-Identifier: Apache-2.0
#include "base/encoding.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <stdexcept>

namespace kintsugi {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

EVP_MD_CTX* context_of(void* pointer) {
  return static_cast<EVP_MD_CTX*>(pointer);
}

constexpr std::array<std::int8_t, 256> make_reverse() {
  std::array<std::int8_t, 256> table{};
  for (auto& entry : table) entry = -1;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) table[std::uint8_t(kAlphabet[i])] = std::int8_t(i);
  return table;
}
constexpr auto kReverse = make_reverse();

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr || EVP_DigestInit_ex(context_of(context_), EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL cannot start SHA-256");
  }
}

Sha256::~Sha256() {
  EVP_MD_CTX_free(context_of(context_));
}

void Sha256::update(std::string_view bytes) {
  if (EVP_DigestUpdate(context_of(context_), bytes.data(), bytes.size()) != 1) {
    throw std::runtime_error("OpenSSL cannot update SHA-256");
  }
}

std::string Sha256::finish_hex() {
  std::array<std::uint8_t, 32> digest{};
  unsigned length = 0;
  if (EVP_DigestFinal_ex(context_of(context_), digest.data(), &length) != 1 || length != digest.size()) {
    throw std::runtime_error("OpenSSL cannot finish SHA-256");
  }
  return hex_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string hex_encode(std::string_view bytes) {
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char c : bytes) {
    hex += kHex[std::uint8_t(c) >> 4];
    hex += kHex[std::uint8_t(c) & 0x0F];
  }
  return hex;
}

Result<std::string> hex_decode(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return fail(ErrorCode::kInvalidInput, "not lower-case hex digits");
    bytes += char(high * 16 + low);
  }
  if (text.size() % 2 != 0) return fail(ErrorCode::kInvalidInput, "an odd number of hex digits");
  return bytes;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish_hex();
}

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = std::uint32_t(std::uint8_t(bytes[i])) << 16;
    if (left > 1) group |= std::uint32_t(std::uint8_t(bytes[i + 1])) << 8;
    if (left > 2) group |= std::uint8_t(bytes[i + 2]);
    out += kAlphabet[group >> 18];
    out += kAlphabet[(group >> 12) & 63];
    out += left > 1 ? kAlphabet[(group >> 6) & 63] : '=';
    out += left > 2 ? kAlphabet[group & 63] : '=';
  }
  return out;
}

Result<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return fail(ErrorCode::kInvalidInput, "base64 length is not a multiple of four");
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::size_t pad = i + 4 == text.size() ? padding : 0;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4 - pad; ++j) {
      const std::int8_t value = kReverse[std::uint8_t(text[i + j])];
      if (value < 0) return fail(ErrorCode::kInvalidInput, "character outside the base64 alphabet");
      group |= std::uint32_t(value) << (18 - 6 * j);
    }
    if ((pad == 1 && (group & 0xFF) != 0) || (pad == 2 && (group & 0xFFFF) != 0)) {
      return fail(ErrorCode::kInvalidInput, "base64 with trailing bits set");
    }
    out += char(group >> 16);
    if (pad < 2) out += char((group >> 8) & 0xFF);
    if (pad < 1) out += char(group & 0xFF);
  }
  return out;
}

std::string url_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                            c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      out += '%';
      out += "0123456789ABCDEF"[std::uint8_t(c) >> 4];
      out += "0123456789ABCDEF"[std::uint8_t(c) & 0x0F];
    }
  }
  return out;
}

}  // namespace kintsugi
