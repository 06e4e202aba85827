// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "net/http.h"

namespace kintsugi::k8s {

/// The texts of an answer's Warning headers (RFC 7234 §5.5, code 299), escaped; at most 16 of 512 bytes.
std::vector<std::string> warnings_of(const net::Headers& headers);

}  // namespace kintsugi::k8s
