// SPDX-License-Identifier: Apache-2.0
//
// Bytes of an API server, as a watch and as a list: any bytes, in pieces of any size.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "k8s-client/core/list_reader.h"
#include "k8s-client/core/watch_event.h"
#include "k8s-client/runtime/object_meta.h"

using namespace kintsugi::k8s;

namespace {

void must(bool condition) {
  if (!condition) std::abort();
}

/// Reads every byte that a projection may read.
void read_object(RawJson object, std::string_view within) {
  static ObjectMetaReader reader({"a"});
  must(object.text.data() >= within.data() &&
       object.text.data() + object.text.size() <= within.data() + within.size());
  if (const auto meta = reader.read(object)) must(!meta->key.name.empty());
}

void read_as_watch(std::string_view bytes, std::size_t piece) {
  LineFramer framer(4096);
  WatchEventParser parser;
  while (!bytes.empty()) {
    framer.append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (;;) {
      const auto line = framer.next();
      if (!line) return;
      if (!*line) break;
      must((*line)->text.find('\n') == std::string_view::npos);
      if (const auto event = parser.parse(**line)) read_object(event->object, (*line)->text);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  read_as_watch(bytes, data[0] + 1u);
  std::string page(bytes);
  const RawJson padded_page = padded(page);
  ListReader lists;
  (void)lists.read(padded_page, [&](RawJson item) { read_object(item, padded_page.text); });
  return 0;
}
