// SPDX-License-Identifier: Apache-2.0
//
// What is accepted holds valid UTF-8 and number literals that JSON accepts, within the limits.
#include <cstdlib>

#include "base/document.h"
#include "base/escape.h"

namespace {

using kintsugi::Node;

void check(const Node& node, std::size_t depth) {
  if (depth > kintsugi::DocumentLimits().max_depth + 1) std::abort();
  if (!kintsugi::is_utf8(node.text)) std::abort();
  if (node.kind == Node::Kind::kNumber && !kintsugi::parse_json_document(node.text)) std::abort();
  for (const Node& item : node.items) check(item, depth + 1);
  for (const Node::Member& member : node.members) {
    if (!kintsugi::is_utf8(member.key)) std::abort();
    check(member.value, depth + 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto documents = kintsugi::parse_yaml_documents({reinterpret_cast<const char*>(data), size});
  if (!documents) {
    if (!kintsugi::is_utf8(documents.error().message)) std::abort();
    return 0;
  }
  for (const Node& document : *documents) check(document, 1);
  return 0;
}
