// SPDX-License-Identifier: Apache-2.0
#include "trust/testing/cosign.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "trust/crypto/hash.h"
#include "trust/sigstore/dsse.h"

namespace kintsugi::trust::testing {

PublicKey public_key_of(const SigningKey& key) {
  return PublicKey::parse(key.pem()).value();
}

std::string cosign_payload(const Digest& image, std::string_view reference) {
  return fmt::format(
      R"({{"critical":{{"identity":{{"docker-reference":"{}"}},"image":{{"docker-manifest-digest":"{}"}},"type":"cosign container image signature"}},"optional":null}})",
      reference, image.text());
}

std::string cosign_statement(const Digest& image) {
  return fmt::format(
      R"({{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{}"}}}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{{}}}})",
      image.hex());
}

std::string keyed_bundle(const SigningKey& key, const std::string& payload, const std::string& payload_type) {
  const Envelope envelope{payload_type, payload, {}};
  return fmt::format(
      R"({{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{"publicKey":{{"hint":"aGludA=="}}}},"dsseEnvelope":{{"payload":"{}","payloadType":"{}","signatures":[{{"sig":"{}"}}]}}}})",
      base64_encode(payload), payload_type, base64_encode(key.sign(envelope.pre_authentication_encoding())));
}

std::string blob_bundle(const SigningKey& key, std::string_view content) {
  return fmt::format(
      R"({{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{"publicKey":{{"hint":"aGludA=="}}}},"messageSignature":{{"messageDigest":{{"algorithm":"SHA2_256","digest":"{}"}},"signature":"{}"}}}})",
      base64_encode(sha256(content)), base64_encode(key.sign(content)));
}

}  // namespace kintsugi::trust::testing
