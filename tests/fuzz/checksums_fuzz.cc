// SPDX-License-Identifier: Apache-2.0
//
// Lists of checksums: no crash, and what is accepted is the same when it is written out in the plain form.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/encoding.h"
#include "trust/disk/checksums.h"

using namespace kintsugi;
using namespace kintsugi::trust;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto list = parse_checksums({reinterpret_cast<const char*>(data), size});
  if (!list) return 0;
  for (const Checksum& one : *list) {
    if (one.hash.size() != hash_bytes(one.algorithm)) std::abort();
    const auto again = parse_checksums(hex_encode(one.hash) + "  ./" + one.name);
    if (!again || again->size() != 1 || again->front().name != one.name || again->front().hash != one.hash)
      std::abort();
  }
  const std::string& name = list->front().name;
  std::size_t count = 0;
  for (const Checksum& one : *list) count += one.name == name ? 1 : 0;
  if (find_checksum(*list, name).has_value() != (count == 1)) std::abort();
  return 0;
}
