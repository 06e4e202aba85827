// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/client/config_map.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace kintsugi::k8s {
namespace {

using nlohmann::json;

ApiResult<void> done(ApiResult<json> answer) {
  if (!answer) return tl::unexpected(std::move(answer).error());
  return {};
}

}  // namespace

ApiResult<void> put_config_map_entry(Client& client, const ObjectKey& key, const std::string& entry,
                                     const std::string& value,
                                     const std::vector<std::pair<std::string, std::string>>& labels) {
  JsonPatch patch;
  patch.add(json_pointer({"data", entry}), value);
  auto patched = client.patch(kConfigMaps, key, patch);
  if (!patched && patched.error().is_failed_patch_test()) {
    // The server drops a `data` whose last entry was removed.
    patched =
        client.patch(kConfigMaps, key, JsonPatch().test("/data", nullptr).add("/data", {{entry, value}}));
    if (!patched && patched.error().is_failed_patch_test()) patched = client.patch(kConfigMaps, key, patch);
  }
  if (patched || patched.error().code != ErrorCode::kNotFound) return done(std::move(patched));
  json made = {{"apiVersion", "v1"},
               {"kind", "ConfigMap"},
               {"metadata", {{"name", key.name}, {"namespace", key.name_space}}},
               {"data", {{entry, value}}}};
  for (const auto& [name, text] : labels) made["metadata"]["labels"][name] = text;
  auto created = client.create(kConfigMaps, key.name_space, made);
  if (created || created.error().code != ErrorCode::kAlreadyExists) return done(std::move(created));
  return done(client.patch(kConfigMaps, key, patch));
}

ApiResult<void> remove_config_map_entry(Client& client, const ObjectKey& key, const std::string& entry) {
  JsonPatch patch;
  patch.remove(json_pointer({"data", entry}));
  auto patched = client.patch(kConfigMaps, key, patch);
  if (patched || patched.error().code == ErrorCode::kNotFound || patched.error().is_failed_patch_test())
    return {};
  return done(std::move(patched));
}

}  // namespace kintsugi::k8s
