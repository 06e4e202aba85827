// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "admission/guarded_namespaces.h"

namespace kintsugi::admission {

inline constexpr std::string_view kFailOpenPath = "/v1/admission/fail-open";
inline constexpr std::string_view kFailClosedPath = "/v1/admission/fail-closed";
/// How long the API server waits for an answer.
inline constexpr int kWebhookTimeoutSeconds = 5;

/// How the API server reaches us: a Service of our namespace, or a URL where we run outside of the cluster.
struct WebhookAddress {
  std::string name_space, service;
  std::string url;  ///< "https://host:port", without a path; empty: the Service
};

/// The member `webhooks` of our ValidatingWebhookConfiguration (admissionregistration.k8s.io/v1), as the API
/// server stores it: one for each rule of failure that has namespaces, none where nothing is guarded. Asked
/// are creations of pods and updates that bring an image; our own changes to a victim bring none.
nlohmann::json make_webhooks(const GuardedNamespaces& guarded, const WebhookAddress& address,
                             const std::string& ca_bundle_pem);

}  // namespace kintsugi::admission
