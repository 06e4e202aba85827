// SPDX-License-Identifier: Apache-2.0
#include "trust/testing/cosign.h"

#include <fmt/format.h>

namespace kintsugi::trust::testing {

PublicKey public_key_of(const SigningKey& key) {
  return PublicKey::parse(key.pem()).value();
}

std::string cosign_payload(const Digest& image, std::string_view reference) {
  return fmt::format(
      R"({{"critical":{{"identity":{{"docker-reference":"{}"}},"image":{{"docker-manifest-digest":"{}"}},"type":"cosign container image signature"}},"optional":null}})",
      reference, image.text());
}

}  // namespace kintsugi::trust::testing
