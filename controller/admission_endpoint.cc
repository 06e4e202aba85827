// SPDX-License-Identifier: Apache-2.0
#include "controller/admission_endpoint.h"

#include <utility>

#include "admission/webhook_configuration.h"
#include "base/concurrently.h"
#include "controller/responses.h"

namespace kintsugi::controller {
namespace {

using admission::Failure;

/// Of the webhook's time, so that the answer arrives within it.
constexpr std::chrono::milliseconds kBudget{admission::kWebhookTimeoutSeconds * 1000 - 1000};
constexpr std::size_t kImagesAtOnce = 8;

std::optional<Failure> failure_of(std::string_view path) {
  if (path == admission::kFailOpenPath) return Failure::kOpen;
  if (path == admission::kFailClosedPath) return Failure::kClosed;
  return std::nullopt;
}

metrics::AdmissionResult result_of(const admission::PodAnswer& answer,
                                   const std::vector<admission::JudgedImage>& images) {
  if (!answer.is_allowed) return metrics::AdmissionResult::kRefused;
  for (const auto& judged : images) {
    if (!judged.verdict.accepted) return metrics::AdmissionResult::kUndecided;
  }
  return metrics::AdmissionResult::kAllowed;
}

/// The API server takes it as no answer, and does what the webhook's failurePolicy says.
net::HttpResponse busy(const net::ServerRequest&) {
  return problem_response(503, "Too many reviews", "the queue of reviews is full; ask again");
}

}  // namespace

AdmissionEndpoint::AdmissionEndpoint(Judge judge, metrics::Registry& metrics, const Clock& clock)
    : judge_(std::move(judge)),
      metrics_(metrics),
      clock_(clock),
      queue_(
          RequestQueue::Options{}, [this](const net::ServerRequest& request) { return answer(request); },
          busy) {}

void AdmissionEndpoint::handle(net::ServerRequest request, std::unique_ptr<net::Responder> responder) {
  if (!failure_of(request.path))
    return responder->respond(
        problem_response(404, "Not found", "reviews go to /v1/admission/fail-open or -closed"));
  if (request.method != "POST")
    return responder->respond(problem_response(405, "Method not allowed", "reviews are sent by POST"));
  queue_.handle(std::move(request), std::move(responder));
}

net::HttpResponse AdmissionEndpoint::answer(const net::ServerRequest& request) const {
  const MonotonicTime started = clock_.monotonic();
  net::HttpResponse response = review(request);
  metrics_.observe_webhook(request.path, response.status, clock_.monotonic() - started);
  return response;
}

net::HttpResponse AdmissionEndpoint::review(const net::ServerRequest& request) const {
  const auto review = admission::parse_pod_review(request.body);
  if (!review) return problem_response(400, "Malformed review", review.error().to_string());
  const auto images = judge_all(review->images);
  const admission::PodAnswer answer = admission::decide_pod(images, *failure_of(request.path));
  metrics_.count_admission(result_of(answer, images));
  return response_with(200, "application/json", admission::render_pod_answer(review->uid, answer));
}

std::vector<admission::JudgedImage> AdmissionEndpoint::judge_all(
    const std::vector<std::string>& images) const {
  const MonotonicTime deadline = clock_.monotonic() + kBudget;
  return collect_concurrently(images.size(), kImagesAtOnce, [&](std::size_t i) {
    return admission::JudgedImage{images[i], judge_(images[i], deadline)};
  });
}

}  // namespace kintsugi::controller
