// SPDX-License-Identifier: Apache-2.0
//
// AdmissionReview (admission.k8s.io/v1) about pods: the question as the API server asks it, and the answer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kintsugi::admission {

/// The API server takes objects of 3 MiB at most, and an update has two.
inline constexpr std::size_t kMaxReviewBytes = 8u << 20;
/// More images than a pod has; further ones are an error.
inline constexpr std::size_t kMaxImages = 512;

/// A pod that is to be.
struct PodReview {
  std::string uid;  ///< of the review, to be repeated in the answer
  std::string name_space;
  /// Each once: of the containers (also init and ephemeral ones) and image volumes that come anew or with
  /// another image.
  std::vector<std::string> images;
};

/// Errors: kInvalidInput for what is no review of a pod, kTooLarge.
Result<PodReview> parse_pod_review(std::string_view text);

struct PodAnswer {
  bool is_allowed = true;
  std::string message;                ///< refused: why, for whoever creates the pod; safe to show
  std::vector<std::string> warnings;  ///< for them too; safe to show
};

/// The review with its answer, as JSON. Long text is cut.
std::string render_pod_answer(const std::string& uid, const PodAnswer& answer);

}  // namespace kintsugi::admission
