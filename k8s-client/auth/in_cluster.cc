// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/auth/in_cluster.h"

#include <algorithm>
#include <utility>

#include "base/escape.h"
#include "base/file.h"

namespace kintsugi::k8s {
namespace {

constexpr std::size_t kMaxNamespaceBytes = 253;

bool is_port(const std::string& text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Letters, digits, dots, dashes, and colons of IPv6.
bool is_host(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == ':';
  });
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

}  // namespace

Result<ClusterConfig> load_in_cluster(const Environment& environment, const std::string& directory) {
  const std::string host = environment("KUBERNETES_SERVICE_HOST");
  const std::string port = environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return fail(
        make_error(ErrorCode::kNotFound, "not in a pod: KUBERNETES_SERVICE_HOST and _PORT are not set")
            .advise("name a kubeconfig with --kubeconfig or KUBECONFIG"));
  }
  if (!is_host(host) || !is_port(port)) {
    return fail(ErrorCode::kInvalidInput, "KUBERNETES_SERVICE_HOST or _PORT is malformed: '" +
                                              escape(host, 100) + "', '" + escape(port, 20) + "'");
  }
  ClusterConfig config;
  const bool is_ipv6 = host.find(':') != std::string::npos;
  config.server = "https://" + (is_ipv6 ? "[" + host + "]" : host) + ":" + port;
  config.token_file = directory + "/token";
  config.ca.path = directory + "/ca.crt";
  config.origin = "the pod's service account";
  auto name_space = read_file(directory + "/namespace", kMaxNamespaceBytes);
  if (!name_space) return fail(std::move(name_space).error());
  if (const std::string name = trimmed(*name_space); !name.empty()) config.default_namespace = name;
  return config;
}

}  // namespace kintsugi::k8s
