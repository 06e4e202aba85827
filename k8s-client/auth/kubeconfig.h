// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "k8s-client/auth/cluster_config.h"
#include "k8s-client/auth/in_cluster.h"

namespace kintsugi::k8s {

/// What the command line says; empty members leave it to the files.
struct KubeconfigOptions {
  std::string path{};     ///< --kubeconfig: this file only
  std::string context{};  ///< --context, else current-context
  std::string cluster{};  ///< --cluster, else the context's
  std::string user{};     ///< --user, else the context's
};

/// The cluster, user and namespace of one context (K12.7). Files: `path`, or the colon list in KUBECONFIG
/// (those that do not exist are passed over), or ~/.kube/config; the first file that has a key wins (K12.6).
/// Only the entries in use are read; unknown fields are passed over, as kubectl does.
///
/// Fails with kNotFound where no file exists. Errors name file, line and column. kUnsupported where the user
/// needs an exec plugin, an auth provider or a password, and has no token that would win over it.
Result<ClusterConfig> load_kubeconfig(const KubeconfigOptions& options, const Environment& environment);

/// The whole order of K12.6: load_kubeconfig(), and in-cluster where nothing names a kubeconfig and none is
/// at home.
Result<ClusterConfig> load_cluster_config(const KubeconfigOptions& options, const Environment& environment);

}  // namespace kintsugi::k8s
