// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "net/http.h"

namespace kintsugi::bench {

/// What a process has used so far, as /proc knows it. Throws where the process is gone.
double cpu_seconds(pid_t process);  ///< user and system, in steps of 10 ms
double resident_mib(pid_t process);
double peak_resident_mib(pid_t process);

/// The sum of all samples of a family on a controller's /metrics whose labels contain `label` (as text).
double sum_of_metric(net::HttpTransport& transport, const std::string& metrics_url, const std::string& family,
                     const std::string& label = "");

}  // namespace kintsugi::bench
