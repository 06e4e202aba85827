// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "k8s-client/auth/cluster_config.h"

namespace kintsugi::k8s {

/// Looks up an environment variable; empty where it is not set. `main` passes the process' own.
using Environment = std::function<std::string(const char* name)>;

/// The service account that a pod is given (K12.1): KUBERNETES_SERVICE_HOST and _PORT, and `token`, `ca.crt`,
/// `namespace` in `directory`. Fails with kNotFound outside a pod.
Result<ClusterConfig> load_in_cluster(
    const Environment& environment,
    const std::string& directory = "/var/run/secrets/kubernetes.io/serviceaccount");

}  // namespace kintsugi::k8s
