// SPDX-License-Identifier: Apache-2.0
#include "cli/target_word.h"

#include <string_view>

#include "base/kubernetes_name.h"
#include "cli/words.h"

namespace kintsugi::cli {
namespace {

constexpr std::string_view kDomainPrefix = "domain/";

std::string read_domain(const std::string& word, Invocation& invocation) {
  if (!invocation.pod_namespace.empty()) return "--pod-namespace does not go with --host";
  const bool is_domain = word.starts_with(kDomainPrefix);
  const bool is_pod = !is_domain && word.find('/') != std::string::npos;
  if (is_pod) return "pods are in clusters; with --host name a domain: domain/NAME";
  invocation.domain = is_domain ? word.substr(kDomainPrefix.size()) : word;
  return check_domain(invocation.domain);
}

std::string read_pod(const std::string& word, Invocation& invocation) {
  std::string rest = word;
  for (const std::string_view kind : {"pod/", "pods/", "po/"}) {
    if (rest.starts_with(kind)) {
      rest.erase(0, kind.size());
      break;
    }
  }
  if (const std::size_t slash = rest.find('/'); slash != std::string::npos) {
    const std::string name_space = rest.substr(0, slash);
    if (!invocation.pod_namespace.empty() && invocation.pod_namespace != name_space) {
      return "the pod's namespace is given twice";
    }
    if (!is_dns_label(name_space)) return "not a namespace: " + name_space;
    invocation.pod_namespace = name_space;
    rest.erase(0, slash + 1);
  }
  if (!is_dns_subdomain(rest)) return "not a pod: " + word;
  invocation.pod_name = rest;
  return {};
}

}  // namespace

std::string read_target_word(const std::string& word, Invocation& invocation) {
  if (!invocation.host.empty()) return read_domain(word, invocation);
  if (!word.starts_with(kDomainPrefix)) return read_pod(word, invocation);
  return "domains are on hypervisors: give --host (a pod of a namespace of that name is pod/domain/NAME)";
}

}  // namespace kintsugi::cli
