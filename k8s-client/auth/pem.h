// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/result.h"

namespace kintsugi::k8s {

/// Fails unless `pem` holds at least one X.509 certificate and each certificate in it can be read.
Result<void> check_certificates(std::string_view pem);

/// Fails unless `key_pem` is the unencrypted private key of the first certificate: a pair that is being
/// replaced file by file does not fit together for a moment.
Result<void> check_key_pair(std::string_view certificate_pem, std::string_view key_pem);

}  // namespace kintsugi::k8s
