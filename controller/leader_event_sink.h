// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/leadership.h"
#include "k8s-client/runtime/event_recorder.h"

namespace kintsugi::controller {

/// Passes on what the leader says and refuses the rest: a leader that was frozen while events waited must not
/// tell them late, beside its successor's. Thread-safe as far as `sink` is.
class LeaderEventSink final : public k8s::EventSink {
 public:
  /// References must outlive this object.
  LeaderEventSink(k8s::EventSink& sink, const Leadership& leadership)
      : sink_(sink), leadership_(leadership) {}

  k8s::ApiResult<void> create(const std::string& name_space, const std::string& event,
                              std::stop_token stop) override;
  k8s::ApiResult<void> patch(const k8s::ObjectKey& key, const std::string& patch,
                             std::stop_token stop) override;

 private:
  k8s::EventSink& sink_;
  const Leadership& leadership_;
};

}  // namespace kintsugi::controller
