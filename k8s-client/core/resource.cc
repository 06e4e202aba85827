// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/resource.h"

namespace kintsugi::k8s {

std::string Resource::api_version() const {
  return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
}

std::string ObjectKey::to_string() const {
  return name_space.empty() ? name : name_space + "/" + name;
}

}  // namespace kintsugi::k8s
