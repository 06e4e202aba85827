// SPDX-License-Identifier: Apache-2.0
//
// A review asks about a bounded number of distinct images, and whatever it says, the answer is JSON.
#include <cstdlib>
#include <set>

#include <nlohmann/json.hpp>

#include "admission/pod_review.h"

namespace {

using namespace kintsugi;

void check(const admission::PodReview& review) {
  const std::set<std::string> distinct(review.images.begin(), review.images.end());
  if (review.images.size() > admission::kMaxImages || distinct.size() != review.images.size()) std::abort();
  const admission::PodAnswer answer{false, review.name_space, review.images};
  const auto json = nlohmann::json::parse(admission::render_pod_answer(review.uid, answer), nullptr, false);
  if (json.is_discarded() || json["response"]["allowed"] != false || json["response"]["uid"] != review.uid)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto review = admission::parse_pod_review({reinterpret_cast<const char*>(data), size});
  if (review) check(*review);
  return 0;
}
