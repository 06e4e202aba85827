// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/secret.h"

namespace kintsugi::k8s {

/// PEM text given in place or by the path of a file that may be replaced while we run. In place wins (K12.7).
struct PemSource {
  Secret data;
  std::string path;  ///< absolute or relative to the working directory; empty: none

  bool empty() const { return data.empty() && path.empty(); }
};

/// Who to act as (K12.7); sent as Impersonate-* headers.
struct Impersonation {
  std::string user;
  std::string uid;
  std::vector<std::string> groups;
  std::vector<std::pair<std::string, std::string>> extra;  ///< key, one value; keys may repeat
};

/// How one cluster is reached and who we are there: what a kubeconfig or a pod's environment comes down to.
struct ClusterConfig {
  std::string server;  ///< http:// or https://, no trailing slash, no user, query or fragment
  std::string default_namespace = "default";
  std::string proxy_url;
  std::string tls_server_name;
  bool insecure_skip_tls_verify = false;
  PemSource ca;  ///< empty: the system's roots
  PemSource certificate;
  PemSource key;
  Secret token;
  std::string token_file;  ///< wins over `token`, which stands in while the file was never readable
  Impersonation impersonation;
  std::string user_name;  ///< the kubeconfig's name for us, for people; empty: none
  std::string origin;     ///< where this came from, for people: "context shop in /home/a/.kube/config"
};

}  // namespace kintsugi::k8s
