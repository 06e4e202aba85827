// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace kintsugi::trust {

enum class HashAlgorithm : std::uint8_t { kSha256, kSha384, kSha512 };

/// How long its hashes are: 32, 48 or 64 bytes.
std::size_t hash_bytes(HashAlgorithm algorithm);

/// The hash as raw bytes.
std::string hash_of(HashAlgorithm algorithm, std::string_view bytes);

/// A hash over pieces, for content that is not held in memory whole.
class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm);
  void update(std::string_view piece);
  /// The hash as raw bytes; call once.
  std::string finish();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

/// SHA-256, 32 raw bytes.
inline std::string sha256(std::string_view bytes) {
  return hash_of(HashAlgorithm::kSha256, bytes);
}

}  // namespace kintsugi::trust
