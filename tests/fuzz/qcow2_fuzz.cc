// SPDX-License-Identifier: Apache-2.0
//
// Disk images: no crash, and one that is good as the whole of a file is good as the beginning of a larger
// one.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "trust/disk/disk_image.h"
#include "trust/disk/qcow2.h"

using namespace kintsugi::trust;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view head(reinterpret_cast<const char*>(data), size);
  const auto image = check_disk_image(head, size);
  const auto in_larger = check_disk_image(head, UINT64_MAX);
  if (image && !in_larger) std::abort();
  if (is_qcow2(head) && in_larger) {
    if (in_larger->format != DiskImage::Format::kQcow2 || in_larger->virtual_size > kMaxVirtualSize)
      std::abort();
    for (std::size_t i = 8; i < 20; ++i) {
      if (head[i] != 0) std::abort();  // the backing file
    }
  }
  return 0;
}
