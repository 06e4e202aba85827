// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "k8s-client/core/raw_json.h"

namespace kintsugi::k8s {

/// A list's own metadata (K1.1).
struct ListMeta {
  std::string resource_version;
  std::string continue_token;  ///< empty on the last page
  std::optional<std::int64_t> remaining_items;
};

/// Walks one page of a list (PodList, PartialObjectMetadataList, any kind) item by item. The items' insides
/// are not looked at, so one bad object does not fail the page (K4.6). Reuse it: it keeps its memory, but for
/// that of a page of more than 1 MiB. Not thread-safe.
class ListReader {
 public:
  /// Gets the text of one item, valid during the call.
  using ItemSink = std::function<void(RawJson item)>;

  ListReader();
  ~ListReader();
  ListReader(ListReader&&) noexcept;
  ListReader& operator=(ListReader&&) noexcept;

  /// kInvalidInput when the page is cut, has no metadata or no `items`, or is no list; items may have been
  /// handed out by then. `"items": null` is an empty list. Items that are no objects are handed out like
  /// others.
  Result<ListMeta> read(RawJson page, const ItemSink& on_item);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace kintsugi::k8s
