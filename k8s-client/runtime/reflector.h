// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>

#include "base/clock.h"
#include "k8s-client/core/api_error.h"
#include "k8s-client/core/list_params.h"
#include "k8s-client/runtime/list_watch.h"
#include "net/http.h"

namespace kintsugi::k8s {

/// Where listings and watches come from: one collection of one API server. Used from one thread.
class ListWatchSource {
 public:
  virtual ~ListWatchSource() = default;
  virtual ApiResult<std::string> list_page(const ListParams& params, std::stop_token stop) = 0;
  /// Blocks until the stream ends (success), fails, the sink returns false (success) or stop is requested. A
  /// silence of 5 s beyond the watch's own time is a failure (K2.8).
  virtual ApiResult<void> watch(const WatchParams& params, std::stop_token stop,
                                const net::BodySink& on_body) = 0;
};

/// Runs `machine` against `source` on the calling thread until stop is requested. API trouble never ends it.
void run_reflector(ListWatch& machine, ListWatchSource& source, const Clock& clock, std::stop_token stop);

}  // namespace kintsugi::k8s
