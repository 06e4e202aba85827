// SPDX-License-Identifier: Apache-2.0
//
// Small durable facts, one key each, in ConfigMaps of our own.
#pragma once

#include <string>
#include <vector>

#include "k8s-client/client/client.h"

namespace kintsugi::k8s {

/// Sets `data[entry]` of a ConfigMap without reading it, so that writers of other entries lose nothing; makes
/// the ConfigMap, with `labels`, where there is none.
ApiResult<void> put_config_map_entry(Client& client, const ObjectKey& key, const std::string& entry,
                                     const std::string& value,
                                     const std::vector<std::pair<std::string, std::string>>& labels = {});

/// Removes `data[entry]`; an entry or ConfigMap that does not exist is a success.
ApiResult<void> remove_config_map_entry(Client& client, const ObjectKey& key, const std::string& entry);

}  // namespace kintsugi::k8s
