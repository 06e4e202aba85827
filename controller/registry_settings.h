// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.h"
#include "base/result.h"
#include "controller/settings.h"
#include "net/curl_transport.h"
#include "trust/registry/registry_access.h"

namespace kintsugi::controller {

/// The way to registries that the settings describe. Errors: those of the files that they name. `log` must
/// outlive the result.
inline Result<trust::RegistryAccess> reach_registries(const Settings& settings, Logger& log) {
  return trust::reach_registries(
      {settings.registry_config_file, settings.registry_hosts_file, settings.allow_http_registry},
      net::make_curl_transport, log);
}

}  // namespace kintsugi::controller
