// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/document.h"
#include "trust/import/import_remark.h"

namespace kintsugi::trust {

/// One ClusterImagePolicy by itself, whatever other policies there are.
struct PolicyTranslation {
  explicit PolicyTranslation(std::string object_name) : object(std::move(object_name)), remarks(object) {}

  std::string object;  ///< "policy release-images"; safe to show
  std::optional<nlohmann::json> document;
  RemarkList remarks;
  std::vector<std::string> images;  ///< what the original selects, as ImageGlobs
  bool selects_more = false;        ///< and more than that, or nobody knows
  bool restricts = true;            ///< the original refuses some of what it selects
};

/// `place` names the document where it has no name of its own.
PolicyTranslation translate_policy(const Node& document, const std::string& place);

}  // namespace kintsugi::trust
