// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/testing/signing_key.h"
#include "trust/crypto/digest.h"
#include "trust/crypto/public_key.h"

namespace kintsugi::trust::testing {

PublicKey public_key_of(const SigningKey& key);

/// The payload that cosign writes.
std::string cosign_payload(const Digest& image, std::string_view reference = "registry.example.com/shop/web");

/// The statement that cosign signs in a bundle.
std::string cosign_statement(const Digest& image);
/// A bundle v0.3 with `payload` in an envelope signed by `key`, as `cosign sign --key` without a log.
std::string keyed_bundle(const SigningKey& key, const std::string& payload,
                         const std::string& payload_type = "application/vnd.in-toto+json");
/// A bundle v0.3 over a file, as `cosign sign-blob --key` without a log.
std::string blob_bundle(const SigningKey& key, std::string_view content);

}  // namespace kintsugi::trust::testing
