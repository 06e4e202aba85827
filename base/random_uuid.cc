// SPDX-License-Identifier: Apache-2.0
#include "base/random_uuid.h"

#include <unistd.h>

#include <cstdint>

#include "base/encoding.h"

namespace kintsugi {

Result<std::string> random_uuid() {
  unsigned char bytes[16];
  if (::getentropy(bytes, sizeof bytes) != 0)
    return fail(ErrorCode::kInternal, "the kernel gives no random numbers for a UUID");
  bytes[6] = std::uint8_t((bytes[6] & 0x0F) | 0x40);
  bytes[8] = std::uint8_t((bytes[8] & 0x3F) | 0x80);
  std::string uuid = hex_encode({reinterpret_cast<const char*>(bytes), sizeof bytes});
  for (const std::size_t position : {20u, 16u, 12u, 8u}) uuid.insert(position, 1, '-');
  return uuid;
}

}  // namespace kintsugi
