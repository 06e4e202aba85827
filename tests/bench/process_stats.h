// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

namespace kintsugi::bench {

/// What a process has used so far, as /proc knows it. Throws where the process is gone.
double cpu_seconds(pid_t process);  ///< user and system, in steps of 10 ms
double resident_mib(pid_t process);
double peak_resident_mib(pid_t process);

}  // namespace kintsugi::bench
