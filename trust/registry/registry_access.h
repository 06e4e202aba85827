// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "net/http.h"
#include "trust/registry/registry_options.h"
#include "trust/registry/registry_transports.h"

namespace kintsugi::trust {

/// What a person says about reaching registries: files, each of which may be left out.
struct RegistryFiles {
  std::string credentials;  ///< as ~/.docker/config.json; read again when it changes
  std::string hosts;        ///< parse_registry_hosts(); read once
  bool allow_http = false;
};

/// A way to registries, and how to speak to them.
struct RegistryAccess {
  std::unique_ptr<net::HttpTransport> transport;
  RegistryOptions options;
};

/// Reads the files. Errors: theirs. `log` must outlive the result. RegistryOptions::helpers is left empty.
Result<RegistryAccess> reach_registries(const RegistryFiles& files, const RegistryTransports::Maker& maker,
                                        Logger& log);

}  // namespace kintsugi::trust
