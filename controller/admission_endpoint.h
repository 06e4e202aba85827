// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "admission/pod_decision.h"
#include "base/clock.h"
#include "controller/request_queue.h"
#include "metrics/registry.h"
#include "net/http_server.h"
#include "trust/policy/verdict.h"

namespace kintsugi::controller {

/// `POST /v1/admission/fail-open` and `…/fail-closed`: may this pod start with these images? An
/// AdmissionReview is answered within the webhook's time whatever a registry does; what is not known by then
/// is decided by the path. Thread-safe.
class AdmissionEndpoint {
 public:
  /// The verdict about an image, by the deadline. Called from several threads.
  using Judge = std::function<trust::Verdict(const std::string& image, MonotonicTime deadline)>;

  /// References must outlive the endpoint.
  AdmissionEndpoint(Judge judge, metrics::Registry& metrics, const Clock& clock);

  void handle(net::ServerRequest request, std::unique_ptr<net::Responder> responder);

 private:
  net::HttpResponse answer(const net::ServerRequest& request) const;
  net::HttpResponse review(const net::ServerRequest& request) const;
  std::vector<admission::JudgedImage> judge_all(const std::vector<std::string>& images) const;

  const Judge judge_;
  metrics::Registry& metrics_;
  const Clock& clock_;
  RequestQueue queue_;
};

}  // namespace kintsugi::controller
