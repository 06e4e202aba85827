// SPDX-License-Identifier: Apache-2.0
#include "controller/leader_event_sink.h"

#include <utility>

namespace kintsugi::controller {
namespace {

tl::unexpected<k8s::ApiError> refusal() {
  k8s::ApiError error;
  static_cast<Error&>(error) = make_error(ErrorCode::kRefused, "this process does not lead any more");
  return tl::unexpected(std::move(error));
}

}  // namespace

k8s::ApiResult<void> LeaderEventSink::create(const std::string& name_space, const std::string& event,
                                             std::stop_token stop) {
  if (!leadership_.leads()) return refusal();
  return sink_.create(name_space, event, std::move(stop));
}

k8s::ApiResult<void> LeaderEventSink::patch(const k8s::ObjectKey& key, const std::string& patch,
                                            std::stop_token stop) {
  if (!leadership_.leads()) return refusal();
  return sink_.patch(key, patch, std::move(stop));
}

}  // namespace kintsugi::controller
