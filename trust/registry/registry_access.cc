// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/registry_access.h"

#include <utility>

#include "trust/registry/registry_config_file.h"
#include "trust/registry/registry_hosts_file.h"

namespace kintsugi::trust {

Result<RegistryAccess> reach_registries(const RegistryFiles& files, const RegistryTransports::Maker& maker,
                                        Logger& log) {
  RegistryHosts known;
  if (!files.hosts.empty()) {
    auto hosts = read_registry_hosts(files.hosts);
    if (!hosts) return fail(std::move(hosts).error());
    known = std::move(*hosts);
  }
  auto transports = RegistryTransports::make({}, known.hosts, maker);
  if (!transports) return fail(std::move(transports).error());
  RegistryAccess access;
  access.transport = std::move(*transports);
  access.options.allow_http = files.allow_http;
  access.options.mirrors = std::move(known.mirrors);
  access.options.http_hosts = std::move(known.http_hosts);
  if (files.credentials.empty()) return access;
  auto file = RegistryConfigFile::open(files.credentials, log);
  if (!file) return fail(std::move(file).error());
  access.options.credentials = [file = std::move(*file)] { return file->current(); };
  return access;
}

}  // namespace kintsugi::trust
