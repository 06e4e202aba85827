// SPDX-License-Identifier: Apache-2.0
//
// Signature payloads, signatures and keys as bytes from a registry: no crash, and nothing is accepted without
// a key.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "trust/sigstore/cosign_signature.h"
#include "trust/sigstore/image_signature.h"

using namespace kintsugi::trust;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const Digest kImage = Digest::of("image");
  const auto payload = parse_signed_payload(text);
  if (payload && payload->image.text().size() != 71) std::abort();
  const auto key = PublicKey::parse(text);
  if (key && key->verify(text, text)) std::abort();
  if (is_der_ecdsa_signature(text) && text.size() < 8) std::abort();
  Descriptor layer{"application/vnd.dev.cosign.simplesigning.v1+json", kImage, 1, {}, {}, {}};
  layer.annotations.emplace_back("dev.cosignproject.cosign/signature", std::string(text));
  if (const auto read = read_signature_layer(layer)) {
    if (verify_signature(signature_of_layer(*read, std::string(text)), {}, kImage)) std::abort();
  }
  return 0;
}
