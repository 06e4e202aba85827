// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/registry/registry_options.h"
#include "trust/registry/registry_transports.h"

namespace kintsugi::trust {

/// How registries are reached, as somebody wrote it down.
struct RegistryHosts {
  std::vector<RegistryMirror> mirrors;
  std::vector<RegistryHost> hosts;
  std::set<std::string> http_hosts;  ///< RegistryOptions::http_hosts
};

/// Reads a YAML or JSON document strictly; `source` names it in errors:
///
///     mirrors:
///       - {prefix: docker.io/library, mirror: mirror.corp/dockerhub/library}
///     hosts:
///       - {host: registry.corp, caFile: /etc/ca.pem, certificateFile: /etc/tls.crt, keyFile: /etc/tls.key,
///          proxyURL: "http://proxy.corp:3128", allowHTTP: false}
///
/// The files of client certificates are read; those of CAs when a transport is made. Errors: kInvalidInput
/// with line and column, and those of read_file() and check_mirrors().
Result<RegistryHosts> parse_registry_hosts(std::string_view text, const std::string& source);

/// The same from a file.
Result<RegistryHosts> read_registry_hosts(const std::string& path);

}  // namespace kintsugi::trust
