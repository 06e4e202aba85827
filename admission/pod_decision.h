// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "admission/pod_review.h"
#include "trust/policy/verdict.h"

namespace kintsugi::admission {

/// What becomes of a pod with an image that cannot be judged at the moment.
enum class Failure : std::uint8_t { kOpen, kClosed };

/// An image, as the pod names it, and what was found out about it.
struct JudgedImage {
  std::string image;
  trust::Verdict verdict;
};

/// May this pod be? Refused where one of its images is; the message names each of them, its policy and
/// reason.
PodAnswer decide_pod(std::span<const JudgedImage> images, Failure failure);

}  // namespace kintsugi::admission
