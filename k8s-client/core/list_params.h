// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace kintsugi::k8s {

/// What a list asks for (K1). Selectors are in the API's text form.
struct ListParams {
  std::string label_selector;
  std::string field_selector;
  std::uint32_t limit = 500;           ///< page size; 0: everything in one answer
  std::string continue_token;          ///< set: resourceVersion and its match are not sent (K1.1)
  std::string resource_version;        ///< empty: consistent, most recent (K1.3)
  std::string resource_version_match;  ///< sent only together with resource_version
  bool metadata_only = false;          ///< PartialObjectMetadata (K4.7)
};

/// What a watch asks for (K2.1); bookmarks are always asked for.
struct WatchParams {
  std::string label_selector;
  std::string field_selector;
  std::string resource_version;
  std::uint32_t timeout_seconds =
      300;  ///< the server ends the watch then; the client allows 5 s more of silence (K2.8)
  bool metadata_only = false;
};

}  // namespace kintsugi::k8s
