// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "net/http.h"

namespace kintsugi::bench {

/// The sum of all samples of a family on a controller's /metrics whose labels contain `label` (as text).
double sum_of_metric(net::HttpTransport& transport, const std::string& metrics_url, const std::string& family,
                     const std::string& label = "");

}  // namespace kintsugi::bench
