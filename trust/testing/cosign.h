// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/testing/signing_key.h"
#include "trust/digest.h"
#include "trust/public_key.h"

namespace kintsugi::trust::testing {

PublicKey public_key_of(const SigningKey& key);

/// The payload that cosign writes.
std::string cosign_payload(const Digest& image, std::string_view reference = "registry.example.com/shop/web");

}  // namespace kintsugi::trust::testing
