// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "host/images/golden_images.h"

namespace kintsugi::host {

/// Makes `path`, an empty qcow2 layer over the image: the backing file by its absolute path, its format
/// stated, so that nobody guesses it. A file that is there is replaced, as it may be half written. Durable;
/// when this returns, a machine can be started from it. Mode 0600: libvirt gives it to whoever runs the
/// machine.
///
/// Runs qemu-img of the first of `directories` that has it, without a shell, and believes nothing but its
/// exit status. Errors: kInvalidInput for paths
/// that are not absolute or have control characters; kUnsupported where there is no qemu-img; kCancelled;
/// those of the file system, retryable where no space is left; kInternal where qemu-img fails.
Result<void> make_overlay(const GoldenImage& image, const std::string& path, std::stop_token stop,
                          const std::vector<std::string>& directories = {"/usr/bin", "/usr/local/bin",
                                                                         "/bin"});

}  // namespace kintsugi::host
